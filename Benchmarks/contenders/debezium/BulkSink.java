import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.BulkWriteOptions;
import com.mongodb.client.model.DeleteOneModel;
import com.mongodb.client.model.InsertOneModel;
import com.mongodb.client.model.ReplaceOneModel;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.UpdateOneModel;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.WriteModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;
import org.bson.BsonDocument;
import org.bson.BsonInt64;

/**
 * The fastest sink we could make for Debezium: typed documents with the key as {@code _id}, a key written once a batch,
 * new rows inserted. In bulks without an order ("fastins"), or in transactions of 2,000 operations ("fasttxn"), which
 * MongoDB takes faster. It keeps no position: a crash may apply changes twice.
 */
final class BulkSink implements Sink {
    private static final int TRANSACTION = 2_000;
    private static final UpdateOptions UPSERTED = new UpdateOptions().upsert(true);
    private static final ReplaceOptions REPLACED = new ReplaceOptions().upsert(true);

    private enum Kind { INSERT, REPLACE, SET, DELETE }

    /** What is left to do about a row after all changes of a batch. */
    private record Change(Kind kind, BsonDocument document) {}

    private record Part(MongoCollection<BsonDocument> collection, List<WriteModel<BsonDocument>> models) {}

    private final MongoClient client;
    private final MongoDatabase database;
    private final boolean isTransactional;

    BulkSink(String target, boolean isTransactional) {
        client = MongoClients.create(target);
        database = client.getDatabase("bench");
        this.isTransactional = isTransactional;
    }

    @Override
    public void write(List<SourceRecord> records) {
        Map<String, Map<Long, Change>> tables = new LinkedHashMap<>();
        for (SourceRecord record : records) {
            Struct value = (Struct) record.value();
            if (value == null || record.key() == null) continue;
            String table = value.getStruct("source").getString("table");
            fold(tables.computeIfAbsent(table, name -> new LinkedHashMap<>()), (Struct) record.key(), value);
        }
        List<Part> parts = new ArrayList<>();
        int size = 0;
        for (var table : tables.entrySet()) {
            var collection = database.getCollection(table.getKey(), BsonDocument.class);
            List<WriteModel<BsonDocument>> models = models(table.getValue());
            while (!models.isEmpty()) {
                int count = isTransactional ? Math.min(models.size(), TRANSACTION - size) : models.size();
                parts.add(new Part(collection, models.subList(0, count)));
                models = models.subList(count, models.size());
                size += count;
                if (size >= TRANSACTION) {
                    write(parts, size);
                    parts.clear();
                    size = 0;
                }
            }
        }
        write(parts, size);
    }

    private void write(Iterable<Part> parts, int size) {
        if (size == 0) return;
        if (!isTransactional) {
            BulkWriteOptions unordered = new BulkWriteOptions().ordered(false);
            for (Part part : parts) part.collection.bulkWrite(part.models, unordered);
            return;
        }
        try (ClientSession session = client.startSession()) {
            session.withTransaction(() -> {
                for (Part part : parts) part.collection.bulkWrite(session, part.models);
                return null;
            });
        }
    }

    private static void fold(Map<Long, Change> changes, Struct key, Struct value) {
        long id = ((Number) key.get("id")).longValue();
        Change before = changes.get(id);
        String operation = value.getString("op");
        if (operation.equals("d")) {
            changes.put(id, new Change(Kind.DELETE, null));
            return;
        }
        Struct row = value.getStruct("after");
        BsonDocument document = Documents.of(row, id);
        boolean isPart = Documents.leavesOut(row);
        if (before == null) {
            Kind kind = !operation.equals("u") ? Kind.INSERT : isPart ? Kind.SET : Kind.REPLACE;
            changes.put(id, new Change(kind, document));
        } else if (isPart && before.document != null) {
            before.document.putAll(document);
        } else {
            changes.put(id, new Change(before.kind == Kind.INSERT ? Kind.INSERT : Kind.REPLACE, document));
        }
    }

    /** By kind, so that each is one command on the wire. */
    private static List<WriteModel<BsonDocument>> models(Map<Long, Change> changes) {
        List<WriteModel<BsonDocument>> models = new ArrayList<>(changes.size());
        for (Kind kind : Kind.values()) {
            changes.forEach((id, change) -> {
                if (change.kind == kind) models.add(model(new BsonDocument("_id", new BsonInt64(id)), change));
            });
        }
        return models;
    }

    private static WriteModel<BsonDocument> model(BsonDocument key, Change change) {
        return switch (change.kind) {
            case INSERT -> new InsertOneModel<>(change.document);
            case REPLACE -> new ReplaceOneModel<>(key, change.document, REPLACED);
            case SET -> {
                change.document.remove("_id");
                yield new UpdateOneModel<>(key, new BsonDocument("$set", change.document), UPSERTED);
            }
            case DELETE -> new DeleteOneModel<>(key);
        };
    }
}
