package enum PostgresModule {}
