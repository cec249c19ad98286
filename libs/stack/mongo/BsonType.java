import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.bson.BsonDecoder;
import de.bwaldvogel.mongo.wire.bson.BsonEncoder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.Map;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.WriteBuffer;
import org.h2.mvstore.type.BasicDataType;

/** Kept as BSON: the store's own way for objects it does not know is Java's serialization, which takes ten times as long. */
class BsonType extends BasicDataType<Document> {
  static final BsonType INSTANCE = new BsonType();
  private static final int OBJECT_BYTES = 40;
  private static final ThreadLocal<ByteBuf> buffers = ThreadLocal.withInitial(() -> Unpooled.buffer(4096));

  /** Only an estimate: by it the store decides when to split a page and what to keep in memory. */
  @Override public int getMemory(Document document) { return sizeOf(document); }

  private static int sizeOf(Object value) {
    if (value instanceof String text) return OBJECT_BYTES + text.length();
    var size = OBJECT_BYTES;
    if (value instanceof Map<?, ?> map) for (var each : map.values()) size += OBJECT_BYTES + sizeOf(each);
    else if (value instanceof Collection<?> list) for (var each : list) size += sizeOf(each);
    return size;
  }

  @Override public void write(WriteBuffer to, Document document) {
    var bytes = buffers.get().clear();
    BsonEncoder.encodeDocument(document, bytes);
    to.putVarInt(bytes.readableBytes()).put(bytes.array(), bytes.arrayOffset(), bytes.readableBytes());
  }

  @Override public Document read(ByteBuffer from) {
    var bytes = new byte[DataUtils.readVarInt(from)];
    from.get(bytes);
    return BsonDecoder.decodeBson(Unpooled.wrappedBuffer(bytes));
  }

  @Override public Document[] createStorage(int size) { return new Document[size]; }
}
