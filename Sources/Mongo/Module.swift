package enum MongoModule {}
