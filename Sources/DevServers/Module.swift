package enum DevServersModule {}
