package enum MappingModule {}
