import java.util.List;
import org.apache.kafka.connect.source.SourceRecord;

/** Where the engine's batches go. */
interface Sink {
    /** Returns when MongoDB has acknowledged all of them. */
    void write(List<SourceRecord> records);
}
