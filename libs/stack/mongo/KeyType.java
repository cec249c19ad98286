import de.bwaldvogel.mongo.backend.KeyValue;
import de.bwaldvogel.mongo.backend.Missing;
import de.bwaldvogel.mongo.backend.ValueComparator;
import de.bwaldvogel.mongo.bson.Document;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.WriteBuffer;
import org.h2.mvstore.type.BasicDataType;

/** The values of an index entry, in MongoDB's order; one that begins another comes before it. */
class KeyType extends BasicDataType<KeyValue> {
  static final KeyType INSTANCE = new KeyType();
  private static final byte TEXT = 0;
  private static final byte NOTHING = 1;
  private static final byte OTHER = 2;
  private static final int VALUE_BYTES = 40;

  @Override public int getMemory(KeyValue key) {
    var size = VALUE_BYTES;
    for (var value : key) size += VALUE_BYTES + (value instanceof String text ? text.length() : VALUE_BYTES);
    return size;
  }

  @Override public int compare(KeyValue one, KeyValue other) {
    var both = Math.min(one.size(), other.size());
    for (var index = 0; index < both; index++) {
      var order = compareValues(one.get(index), other.get(index));
      if (order != 0) return order;
    }
    return Integer.compare(one.size(), other.size());
  }

  private static int compareValues(Object one, Object other) {
    if (one instanceof String text && other instanceof String otherText) return text.compareTo(otherText);
    return ValueComparator.asc().compare(one, other);
  }

  @Override public void write(WriteBuffer to, KeyValue key) {
    to.putVarInt(key.size());
    for (var value : key) {
      if (value instanceof String text) {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        to.put(TEXT).putVarInt(bytes.length).put(bytes);
      } else if (Missing.isNullOrMissing(value)) {
        to.put(NOTHING);
      } else {
        to.put(OTHER);
        BsonType.INSTANCE.write(to, new Document("value", value));
      }
    }
  }

  @Override public KeyValue read(ByteBuffer from) {
    var values = new ArrayList<Object>();
    for (var left = DataUtils.readVarInt(from); left > 0; left--) {
      switch (from.get()) {
        case TEXT -> {
          var bytes = new byte[DataUtils.readVarInt(from)];
          from.get(bytes);
          values.add(new String(bytes, StandardCharsets.UTF_8));
        }
        case NOTHING -> values.add(null);
        default -> values.add(BsonType.INSTANCE.read(from).get("value"));
      }
    }
    return new KeyValue(values);
  }

  @Override public KeyValue[] createStorage(int size) { return new KeyValue[size]; }
}
