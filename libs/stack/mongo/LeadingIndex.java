import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.EmptyIndex;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.KeyValue;
import de.bwaldvogel.mongo.bson.Document;
import java.util.ArrayList;
import java.util.List;
import org.h2.mvstore.MVMap;

/**
 * An index that need not be unique, which the library lacks: it finds the documents whose leading fields are texts that a query names. All
 * that a query says beyond is looked at in the documents. It is called sparse: a document without a text in the first field is not in it.
 */
class LeadingIndex extends EmptyIndex<Object> {
  /** The values of the fields and the document's place, in order. */
  private final MVMap<KeyValue, Boolean> entries;
  private final boolean built;

  LeadingIndex(String name, List<IndexKey> keys, MVMap<KeyValue, Boolean> entries, boolean built) {
    super(name, keys);
    this.entries = entries;
    this.built = built;
  }

  /** Whether the library has to put in all documents that there are. */
  @Override public boolean isEmpty() { return !built && entries.isEmpty(); }

  @Override public long getCount() { return entries.sizeAsLong(); }

  @Override public void add(Document document, Object place, MongoCollection<Object> collection) {
    for (var entry : entriesOf(document, place)) entries.put(entry, true);
  }

  /** Null: the document's place is known from its id already. */
  @Override public Object remove(Document document) {
    for (var entry : entriesOf(document, document.get("_id"))) entries.remove(entry);
    return null;
  }

  @Override public void updateInPlace(Document before, Document after, Object place, MongoCollection<Object> collection) {
    var old = entriesOf(before, place);
    var now = entriesOf(after, place);
    if (old.equals(now)) return;
    for (var entry : old) if (!now.contains(entry)) entries.remove(entry);
    for (var entry : now) if (!old.contains(entry)) entries.put(entry, true);
  }

  private List<KeyValue> entriesOf(Document document, Object place) {
    var found = new ArrayList<KeyValue>();
    for (var values : getKeyValues(document)) {
      if (!(values.get(0) instanceof String)) continue;
      var entry = new ArrayList<>(values.stream().toList());
      entry.add(place);
      found.add(new KeyValue(entry));
    }
    return found;
  }

  @Override public boolean canHandle(Document query) { return !textsOf(query).isEmpty(); }

  @Override public Iterable<Object> getPositions(Document query) {
    var texts = textsOf(query);
    var first = new KeyValue(texts);
    var places = new ArrayList<Object>();
    for (var at = entries.keyIterator(first); at.hasNext(); ) {
      var entry = at.next();
      if (!entry.stream().limit(texts.size()).toList().equals(texts)) break;
      places.add(entry.get(entry.size() - 1));
    }
    return places.stream().distinct().toList();
  }

  /** The texts that the query wants in the leading fields, as far as it names texts. */
  private List<Object> textsOf(Document query) {
    var texts = new ArrayList<Object>();
    for (var key : getKeys()) {
      if (!(query.get(key.getKey()) instanceof String text)) break;
      texts.add(text);
    }
    return texts;
  }

  @Override public void drop() { entries.clear(); }
}
