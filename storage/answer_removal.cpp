// What an invalidation takes out of the database: found by the index rows alone, a pass for each
// way of naming. A row that says what isn't so any more is taken out with it and counts nothing.
#include <rocksdb/write_batch.h>

#include <algorithm>

#include "storage/answer_database.hpp"

namespace farebox {

// One pass: takes what it is told of, some at a time.
class AnswerDatabase::Taking {
 public:
  Taking(AnswerDatabase& database, std::shared_ptr<const Ring> ring, WallTime now,
         FallenAnswers& fallen)
      : database_(database), ring_(std::move(ring)), now_(now), fallen_(fallen) {}

  const Ring& ring() const { return *ring_; }

  // The answer of that key in generation `at`.
  void take(std::size_t at, const AnswerKey& key, std::string_view name, const NameRow& row) {
    if (!met_.empty() && met_.contains(key)) return;
    database_.erase_rows(batch_, *(*ring_)[at], key, name, row.tags, row.depends_on);
    if (!database_.newer_has(*ring_, at, key)) {
      for (std::size_t older = 0; older < at; ++older) {
        if (database_.erase_in(batch_, *(*ring_)[older], key)) met_.insert(key);
      }
      if (now_ < row.kept) fallen_.add(key);
    }
    flush_above(kSome);
  }

  // What a tag row or a need row of generation `at` leads to, if it still says `text`.
  Result<void> take_found(std::size_t at, AnswerRow kind, const IndexRowKey& by,
                          std::string_view row_key, std::string_view value) {
    Generation& generation = *(*ring_)[at];
    const auto name = decode_finding_row(value);
    std::optional<NameRow> row;
    if (name) {
      std::string octets;
      const auto status = database_.db_->Get(rocksdb::ReadOptions(), generation.handle,
                                             index_row_key(AnswerRow::name, *name, by.key), &octets);
      if (!status.ok() && !status.IsNotFound()) return database_.check(status, kDoing);
      if (status.ok()) row = decode_name_row(octets);
    }
    const auto& texts = kind == AnswerRow::tag ? row ? row->tags : kNone : row ? row->depends_on : kNone;
    if (std::find(texts.begin(), texts.end(), by.text) != texts.end()) {
      take(at, by.key, *name, *row);
      met_.insert(by.key);  // several rows may lead to it
    } else {
      batch_.Delete(generation.handle, row_key);
      flush_above(kSome);
    }
    return {};
  }

  Result<void> end() {
    flush_above(0);
    return written_;
  }

  static constexpr std::string_view kDoing = "read the answer cache";

 private:
  static constexpr std::uint32_t kSome = 1'000;  // rows
  inline static const std::vector<std::string> kNone;

  void flush_above(std::uint32_t rows) {
    if (batch_.Count() <= rows || !written_) return;
    written_ = database_.write(batch_, false);
    batch_.Clear();
  }

  AnswerDatabase& database_;
  const std::shared_ptr<const Ring> ring_;
  const WallTime now_;
  FallenAnswers& fallen_;
  std::unordered_set<AnswerKey, DigestHash> met_;  // and may be met again
  rocksdb::WriteBatch batch_;
  Result<void> written_;
};

bool AnswerDatabase::newer_has(const Ring& ring, std::size_t at, const AnswerKey& key) const {
  for (std::size_t newer = at + 1; newer < ring.size(); ++newer) {
    if (!ring[newer]->may_have(key)) continue;
    rocksdb::PinnableSlice octets;
    if (db_->Get(rocksdb::ReadOptions(), ring[newer]->handle, answer_row_key(key), &octets).ok()) return true;
  }
  return false;
}

Result<void> AnswerDatabase::each_row(const Ring& ring, AnswerRow row, std::string_view prefix,
                                      const RowVisit& visit) const {
  std::string first(1, static_cast<char>(row));
  first.append(prefix);
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  for (std::size_t at = ring.size(); at-- > 0;) {
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, ring[at]->handle));
    for (it->Seek(first); it->Valid() && it->key().starts_with(first); it->Next()) {
      const std::string_view row_key = it->key().ToStringView();
      const auto parsed = parse_index_row_key(row_key);
      if (!parsed) return Error(ErrorCode::ledger_damaged, "the answer cache's rows are damaged");
      if (const auto visited = visit(at, *parsed, row_key, it->value().ToStringView()); !visited) {
        return visited;
      }
    }
    if (!it->status().ok()) return check(it->status(), Taking::kDoing);
  }
  return {};
}

Result<void> AnswerDatabase::take(const AnswerMatch& match, WallTime now, FallenAnswers& fallen) {
  const Invalidation& what = match.what();
  const auto ring = this->ring();
  if (!what.keys.empty()) {
    Taking pass(*this, ring, now, fallen);
    for (const AnswerKey& key : what.keys) {
      for (std::size_t at = ring->size(); at-- > 0;) {
        Generation& generation = *(*ring)[at];
        if (!generation.may_have(key)) continue;
        rocksdb::PinnableSlice octets;
        const auto status = db_->Get(rocksdb::ReadOptions(), generation.handle, answer_row_key(key), &octets);
        if (status.IsNotFound()) continue;
        if (!status.ok()) return check(status, Taking::kDoing);
        const auto answer = decode_answer(key, octets.ToStringView(), AnswerPart::without_body);
        if (!answer) return Error(ErrorCode::ledger_damaged, "an answer of the cache is damaged");
        pass.take(at, key, answer->name, {answer->kept, answer->tags, answer->depends_on});
        break;
      }
    }
    if (const auto ended = pass.end(); !ended) return ended;
  }
  if (!what.pattern.empty()) {
    Taking pass(*this, ring, now, fallen);
    const std::string_view prefix = std::string_view(what.pattern).substr(0, what.pattern.find('*'));
    const auto read = each_row(*ring, AnswerRow::name, prefix,
                               [&](std::size_t at, const IndexRowKey& by, std::string_view,
                                   std::string_view value) -> Result<void> {
      if (!match.names_name(by.text)) return {};
      const auto row = decode_name_row(value);
      if (!row) return Error(ErrorCode::ledger_damaged, "the answer cache's rows are damaged");
      pass.take(at, by.key, by.text, *row);
      return {};
    });
    if (!read) return read;
    if (const auto ended = pass.end(); !ended) return ended;
  }
  for (const std::string& tag : what.tags) {
    if (const auto taken = take_by(AnswerRow::tag, tag, now, fallen); !taken) return taken;
  }
  for (const std::string& term : match.fallen_terms()) {
    if (const auto taken = take_by(AnswerRow::need, term, now, fallen); !taken) return taken;
  }
  return {};
}

Result<void> AnswerDatabase::take_by(AnswerRow kind, std::string_view text, WallTime now,
                                     FallenAnswers& fallen) {
  const auto ring = this->ring();
  if (kind == AnswerRow::need && !has_needs()) return {};
  Taking pass(*this, ring, now, fallen);
  std::string prefix(text);
  prefix.push_back('\0');
  const auto read = each_row(*ring, kind, prefix,
                             [&](std::size_t at, const IndexRowKey& by, std::string_view row_key,
                                 std::string_view value) -> Result<void> {
    // A text that goes on behind a NUL is another.
    return by.text == text ? pass.take_found(at, kind, by, row_key, value) : Result<void>();
  });
  return read ? pass.end() : read;
}

bool AnswerDatabase::has_needs() const {
  const auto ring = this->ring();
  return std::any_of(ring->begin(), ring->end(), [](const auto& generation) {
    return generation->has_needs || !generation->loaded;
  });
}

Result<void> AnswerDatabase::take_dependents(std::span<const AnswerKey> of, WallTime now,
                                             FallenAnswers& fallen) {
  if (!has_needs()) return {};
  if (of.size() < kSeekBelow) {
    for (const AnswerKey& key : of) {
      if (const auto taken = take_by(AnswerRow::need, key_text(key), now, fallen); !taken) return taken;
    }
    return {};
  }
  // So many that looking at every row once is sooner done.
  const std::unordered_set<AnswerKey, DigestHash> keys(of.begin(), of.end());
  Taking pass(*this, ring(), now, fallen);
  const auto read = each_row(pass.ring(), AnswerRow::need, {},
                             [&](std::size_t at, const IndexRowKey& by, std::string_view row_key,
                                 std::string_view value) -> Result<void> {
    const auto term = key_of_text(by.text);
    if (!term || !keys.contains(*term)) return {};
    return pass.take_found(at, AnswerRow::need, by, row_key, value);
  });
  return read ? pass.end() : read;
}

Result<std::uint64_t> AnswerDatabase::take_everything(WallTime now, const FallenAnswers& fallen) {
  const auto ring = this->ring();
  std::uint64_t taken = 0;
  const auto read = each_row(*ring, AnswerRow::name, {},
                             [&](std::size_t at, const IndexRowKey& by, std::string_view row_key,
                                 std::string_view value) -> Result<void> {
    const auto kept = kept_of_row(row_key, value);
    if (kept && now < *kept && !fallen.has(by.key) && !newer_has(*ring, at, by.key)) ++taken;
    return {};
  });
  if (!read) return read.error();
  // An empty one first, so that there is always one.
  if (const auto added = add_generation(); !added) return added.error();
  const std::uint64_t newest = this->ring()->back()->number;
  while (this->ring()->front()->number < newest) {
    if (const auto dropped = drop_oldest(Why::invalidated); !dropped) return dropped.error();
  }
  return taken;
}

}  // namespace farebox
