package enum ReplicationModule {}
