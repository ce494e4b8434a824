package enum BSONModule {}
