#include "storage/answer_database.hpp"

#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "storage/entry.hpp"
#include "storage/rocks_store.hpp"

namespace farebox {
namespace {

constexpr std::string_view kFormatRowName = "format";
constexpr std::string_view kFormat = "1";
// Octets of a row in a table beside its key and value, roughly.
constexpr std::uint64_t kRow = 24;

// RocksDB's own threads tell of damage to this one.
class DamageListener final : public rocksdb::EventListener {
 public:
  explicit DamageListener(std::shared_ptr<std::atomic<bool>> damaged) : damaged_(std::move(damaged)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    if (status->IsCorruption()) damaged_->store(true);
  }

 private:
  const std::shared_ptr<std::atomic<bool>> damaged_;
};

std::string family_name(std::uint64_t number) { return "g" + std::to_string(number); }

std::optional<std::uint64_t> family_number(std::string_view name) {
  std::uint64_t number = 0;
  if (!name.starts_with('g')) return std::nullopt;
  const auto read = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  if (read.ec != std::errc() || read.ptr != name.data() + name.size()) return std::nullopt;
  return number;
}

Result<void> make_directory(const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (!failed) fs::permissions(directory, fs::perms::owner_all, failed);
  if (!failed) return {};
  return Error(ErrorCode::io_failed, "can't make '" + directory + "': " + failed.message());
}

// A ninth and a tenth part are for a compaction, which has a generation twice, and for logs.
std::uint64_t share_of(std::uint64_t most) { return most / (AnswerDatabase::kGenerations + 2); }

}  // namespace

Result<std::unique_ptr<AnswerDatabase>> AnswerDatabase::open(
    const std::string& directory, std::uint64_t most, const Clock& clock,
    std::shared_ptr<rocksdb::FileSystem> files) {
  if (const auto made = make_directory(directory); !made) return made.error();
  std::unique_ptr<AnswerDatabase> opened(new AnswerDatabase(most, clock));
  AnswerDatabase& it = *opened;
  const std::string doing = "open '" + directory + "'";
  if (!files) files = rocksdb::FileSystem::Default();
  it.env_ = rocksdb::NewCompositeEnv(guard_files(std::move(files), it.failure_));
  it.blocks_ = make_answer_block_cache();
  rocksdb::DBOptions options = make_answer_db_options(most);
  options.env = it.env_.get();
  options.listeners.push_back(listen_for_failure(it.failure_));
  options.listeners.push_back(std::make_shared<DamageListener>(it.damaged_));

  std::vector<std::string> names;
  if (it.env_->FileExists(directory + "/CURRENT").ok()) {
    const auto listed = rocksdb::DB::ListColumnFamilies(options, directory, &names);
    if (!listed.ok()) return store_error(listed, doing);
  }
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : names) {
    if (name == rocksdb::kDefaultColumnFamilyName) continue;
    const auto number = family_number(name);
    if (!number) return Error(ErrorCode::ledger_newer, "'" + directory + "' was made by a later farebox");
    numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());

  // A generation needs the database for its end, so they are made after it is open.
  std::vector<ExpiryCount> counts;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  const auto add_family = [&](const std::string& name) {
    counts.push_back(std::make_shared<std::atomic<std::int64_t>>(0));
    families.emplace_back(name, make_generation_options(most, clock, it.blocks_, counts.back()));
  };
  add_family(rocksdb::kDefaultColumnFamilyName);
  families[0].options.compaction_filter_factory = nullptr;
  for (const std::uint64_t number : numbers) add_family(family_name(number));
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status status = rocksdb::DB::Open(options, directory, families, &handles, &db);
  it.db_.reset(db);
  if (!status.ok()) return store_error(status, doing);
  it.meta_ = handles[0];
  Ring ring;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto generation = std::make_shared<Generation>(*db, numbers[i]);
    generation->handle = handles[i + 1];
    generation->expired = counts[i + 1];
    db->GetIntProperty(generation->handle, "rocksdb.live-sst-files-size", &generation->written);
    ring.push_back(generation);
  }
  it.set_ring(std::move(ring));

  std::string format;
  const rocksdb::Status said = db->Get(rocksdb::ReadOptions(), it.meta_, kFormatRowName, &format);
  if (said.IsNotFound() && numbers.empty()) {
    rocksdb::WriteBatch batch;
    batch.Put(it.meta_, kFormatRowName, kFormat);
    if (const auto written = it.write(batch, true); !written) return written.error();
  } else if (!said.ok()) {
    return store_error(said.IsNotFound() ? rocksdb::Status::Corruption("no format row") : said, doing);
  } else if (format != kFormat) {
    return Error(ErrorCode::ledger_newer, "'" + directory + "' was made by a later farebox");
  }
  if (numbers.empty()) {
    if (const auto added = it.add_generation(); !added) return added.error();
  }
  return opened;
}

AnswerDatabase::~AnswerDatabase() {
  ring_.reset();
  if (!db_) return;
  if (meta_ != nullptr) db_->DestroyColumnFamilyHandle(meta_);
  db_->Close();
}

std::shared_ptr<const AnswerDatabase::Ring> AnswerDatabase::ring() const {
  const std::lock_guard lock(mutex_);
  return ring_;
}

void AnswerDatabase::set_ring(Ring ring) {
  auto next = std::make_shared<const Ring>(std::move(ring));
  const std::lock_guard lock(mutex_);
  ring_.swap(next);
}

Result<void> AnswerDatabase::check(const rocksdb::Status& status, std::string_view doing) const {
  if (damaged_->load()) {
    return Error(ErrorCode::ledger_damaged, "can't " + std::string(doing) + ": " + failure_->why());
  }
  return written_well(status, doing, *failure_);
}

Result<void> AnswerDatabase::write(rocksdb::WriteBatch& batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  return check(db_->Write(options, &batch), "write to the answer cache");
}

Result<void> AnswerDatabase::sync() { return check(db_->SyncWAL(), "sync the answer cache"); }

Result<void> AnswerDatabase::add_generation() {
  Ring next = *ring();
  const std::uint64_t number = next.empty() ? 1 : next.back()->number + 1;
  const auto generation = std::make_shared<Generation>(*db_, number);
  const auto options = make_generation_options(most_, clock_, blocks_, generation->expired);
  const rocksdb::Status status = db_->CreateColumnFamily(options, family_name(number), &generation->handle);
  if (const auto made = check(status, "begin a generation of the answer cache"); !made) return made;
  generation->loaded = true;
  if (!next.empty()) {
    // The one before is written no more, so what it has in memory can go to the disk.
    rocksdb::FlushOptions flush;
    flush.wait = false;
    flush.allow_write_stall = true;
    const auto flushed = check(db_->Flush(flush, next.back()->handle), "write the answer cache");
    if (!flushed) return flushed;
  }
  next.push_back(generation);
  set_ring(std::move(next));
  while (ring()->size() > kGenerations) {
    if (const auto dropped = drop_oldest(); !dropped) return dropped;
  }
  return {};
}

Result<void> AnswerDatabase::drop_oldest(Why why) {
  Ring next = *ring();
  const auto oldest = next.front();
  const auto dropped = check(db_->DropColumnFamily(oldest->handle), "drop a generation of the answer cache");
  if (!dropped) return dropped;
  next.erase(next.begin());
  if (why == Why::room && clock_.wall_now() < oldest->latest_kept) evicted_.fetch_add(oldest->entries());
  set_ring(std::move(next));
  return {};
}

bool AnswerDatabase::may_have(const AnswerKey& key) const {
  const auto ring = this->ring();
  return std::any_of(ring->begin(), ring->end(),
                     [&](const auto& generation) { return generation->may_have(key); });
}

Result<AnswerDatabase::Found> AnswerDatabase::get(const AnswerKey& key, WallTime now) const {
  const auto ring = this->ring();
  const std::string row_key = answer_row_key(key);
  Found found;
  for (std::size_t at = ring->size(); at-- > 0;) {
    const Generation& generation = *(*ring)[at];
    if (!generation.may_have(key)) continue;
    rocksdb::PinnableSlice octets;
    const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), generation.handle, row_key, &octets);
    if (status.IsNotFound()) continue;
    if (!status.ok() && !status.IsCorruption()) return store_error(status, "read the answer cache");
    auto answer = status.ok() ? decode_answer(key, octets.ToStringView(), AnswerPart::whole) : std::nullopt;
    if (!answer) {
      found.damaged = true;
    } else if (now < answer->kept) {
      found.answer = std::make_shared<const Answer>(std::move(*answer));
      found.goes_soon = at < 2 && ring->size() + 1 >= kGenerations;
    }
    break;  // what an older generation may have was replaced
  }
  return found;
}

Result<void> AnswerDatabase::load() {
  const auto ring = this->ring();
  for (auto at = ring->rbegin(); at != ring->rend(); ++at) {
    Generation& generation = **at;
    if (generation.loaded) continue;
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> row(db_->NewIterator(options, generation.handle));
    const char first = static_cast<char>(AnswerRow::name);
    for (row->Seek(std::string_view(&first, 1)); row->Valid(); row->Next()) {
      const auto key = parse_index_row_key(row->key().ToStringView());
      if (row->key()[0] != first) break;
      const auto kept = kept_of_row(row->key().ToStringView(), row->value().ToStringView());
      if (!key || !kept || generation.filter.count() >= AnswerFilter::kMost) {
        return Error(ErrorCode::ledger_damaged, "the answer cache's rows are damaged");
      }
      generation.filter.add(key->key);
      generation.count.fetch_add(1);
      generation.latest_kept = std::max(generation.latest_kept, *kept);
    }
    const char need = static_cast<char>(AnswerRow::need);
    if (row->status().ok()) row->Seek(std::string_view(&need, 1));
    generation.has_needs = row->Valid() && row->key()[0] == need;
    if (!row->status().ok()) return check(row->status(), "read the answer cache");
    generation.loaded.store(true, std::memory_order_release);
  }
  return {};
}

void AnswerDatabase::erase_rows(rocksdb::WriteBatch& batch, Generation& generation,
                                const AnswerKey& key, std::string_view name,
                                const std::vector<std::string>& tags,
                                const std::vector<std::string>& depends_on) {
  batch.Delete(generation.handle, answer_row_key(key));
  batch.Delete(generation.handle, index_row_key(AnswerRow::name, name, key));
  for (const std::string& tag : tags) {
    batch.Delete(generation.handle, index_row_key(AnswerRow::tag, tag, key));
  }
  for (const std::string& term : depends_on) {
    batch.Delete(generation.handle, index_row_key(AnswerRow::need, term, key));
  }
  // What isn't loaded isn't counted yet.
  if (generation.loaded) generation.count.fetch_sub(1);
}

bool AnswerDatabase::erase_in(rocksdb::WriteBatch& batch, Generation& generation, const AnswerKey& key) {
  if (!generation.may_have(key)) return false;
  const std::string row_key = answer_row_key(key);
  rocksdb::PinnableSlice octets;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), generation.handle, row_key, &octets);
  if (status.IsNotFound()) return false;
  const auto answer = status.ok() ? decode_answer(key, octets.ToStringView(), AnswerPart::without_body)
                                  : std::nullopt;
  if (answer) {
    erase_rows(batch, generation, key, answer->name, answer->tags, answer->depends_on);
  } else {
    batch.Delete(generation.handle, row_key);  // damaged: its other rows lead nowhere
  }
  return true;
}

Result<void> AnswerDatabase::put(const AnswerKey& key, const Answer& answer, std::string_view encoded) {
  if (ring()->back()->written >= share_of(most_) || ring()->back()->filter.count() >= AnswerFilter::kMost) {
    if (const auto added = add_generation(); !added) return added;
  }
  const auto ring = this->ring();
  rocksdb::WriteBatch batch;
  for (const auto& generation : *ring) erase_in(batch, *generation, key);
  Generation& newest = *ring->back();
  const std::string found_by = encode_finding_row(answer.kept, answer.name);
  batch.Put(newest.handle, answer_row_key(key), encoded);
  batch.Put(newest.handle, index_row_key(AnswerRow::name, answer.name, key),
            encode_name_row({answer.kept, answer.tags, answer.depends_on}));
  for (const std::string& tag : answer.tags) {
    batch.Put(newest.handle, index_row_key(AnswerRow::tag, tag, key), found_by);
  }
  for (const std::string& term : answer.depends_on) {
    batch.Put(newest.handle, index_row_key(AnswerRow::need, term, key), found_by);
  }
  newest.written += batch.GetDataSize() + kRow * batch.Count();
  newest.filter.add(key);
  newest.count.fetch_add(1);
  newest.latest_kept = std::max(newest.latest_kept, answer.kept);
  newest.has_needs |= !answer.depends_on.empty();
  return write(batch, false);
}

Result<void> AnswerDatabase::erase(const AnswerKey& key) {
  rocksdb::WriteBatch batch;
  for (const auto& generation : *ring()) erase_in(batch, *generation, key);
  return batch.Count() == 0 ? Result<void>() : write(batch, false);
}

Result<void> AnswerDatabase::tidy(WallTime now) {
  if (const auto well = check(rocksdb::Status::OK(), "write to the answer cache"); !well) return well;
  const auto over = [&](const Generation& generation) {
    return generation.loaded && (generation.latest_kept <= now || generation.entries() == 0);
  };
  if (const auto newest = ring()->back(); newest->written > 0 && over(*newest)) {
    if (const auto added = add_generation(); !added) return added;
  }
  while (ring()->size() > 1 && over(*ring()->front())) {
    if (const auto dropped = drop_oldest(); !dropped) return dropped;
  }
  // The files of what is dropped go a moment later, so what is in use is asked for.
  while (live_octets() > most_) {
    if (ring()->size() == 1) {
      if (const auto added = add_generation(); !added) return added;
    }
    if (const auto dropped = drop_oldest(); !dropped) return dropped;
  }
  return {};
}

Result<void> AnswerDatabase::set_most(std::uint64_t most) {
  most_ = most;
  return tidy(clock_.wall_now());
}

std::uint64_t AnswerDatabase::entries() const {
  std::uint64_t entries = 0;
  for (const auto& generation : *ring()) entries += generation->entries();
  return entries;
}

// Tables, and what is to be written into some.
std::uint64_t AnswerDatabase::live_octets() const {
  std::uint64_t octets = 0;
  for (const auto& generation : *ring()) {
    for (const char* const part : {"rocksdb.live-sst-files-size", "rocksdb.cur-size-all-mem-tables"}) {
      std::uint64_t some = 0;
      if (db_->GetIntProperty(generation->handle, part, &some)) octets += some;
    }
  }
  return octets;
}

std::uint64_t AnswerDatabase::octets() const {
  std::vector<rocksdb::Env::FileAttributes> files;
  std::uint64_t octets = 0;
  if (!db_->GetEnv()->GetChildrenFileAttributes(db_->GetName(), &files).ok()) return 0;
  for (const auto& file : files) octets += file.size_bytes;
  return octets;
}

}  // namespace farebox
