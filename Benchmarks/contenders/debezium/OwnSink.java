import io.debezium.connector.mongodb.sink.MongoDbSinkConnectorTask;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;
import org.apache.kafka.connect.source.SourceRecord;

/** Debezium's own MongoDB sink, called as Kafka Connect would call it. Its {@code _id} is a document, {@code {id}}. */
final class OwnSink implements Sink {
    private static final String TOPIC = "bench.public.orders";
    private final MongoDbSinkConnectorTask task = new MongoDbSinkConnectorTask();
    private long offset;

    OwnSink(String target) {
        task.initialize(context());
        task.start(Map.of(
                "name", "sink",
                "task.id", "0",
                "topics", TOPIC,
                "connector.class", "io.debezium.connector.mongodb.MongoDbSinkConnector",
                "mongodb.connection.string", target,
                "sink.database", "bench",
                "batch.size", "8192",
                "collection.naming.strategy", "io.debezium.sink.naming.DefaultCollectionNamingStrategy",
                "collection.name.format", "orders"));
    }

    @Override
    public void write(List<SourceRecord> records) {
        List<SinkRecord> batch = new ArrayList<>(records.size());
        for (SourceRecord record : records) {
            // Kafka Connect would give it this topic's only.
            if (!record.topic().equals(TOPIC)) continue;
            batch.add(new SinkRecord(
                    record.topic(), 0, record.keySchema(), record.key(), record.valueSchema(), record.value(),
                    offset++));
        }
        task.put(batch);
    }

    /** There is no worker of Kafka Connect, and nothing of one is asked for but empty answers. */
    private static SinkTaskContext context() {
        return (SinkTaskContext) Proxy.newProxyInstance(
                OwnSink.class.getClassLoader(), new Class<?>[] {SinkTaskContext.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "assignment" -> Set.of();
                    case "configs" -> Map.of();
                    default -> null;
                });
    }
}
