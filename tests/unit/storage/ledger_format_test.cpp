// Ledgers of other versions: an older one is taken over, a newer one is left alone.
#include <gtest/gtest.h>
#include <rocksdb/write_batch.h>

#include "storage/entry.hpp"
#include "storage/ledger_reader.hpp"
#include "storage/octets.hpp"
#include "storage/rocks_ledger.hpp"
#include "storage/rocks_store.hpp"
#include "tests/unit/storage/ledger_support.hpp"

namespace farebox {
namespace {

class LedgerFormat : public ::testing::Test {
 protected:
  Result<std::unique_ptr<RocksLedger>> open() {
    return RocksLedger::open({directory_.path(), {}, nullptr}, log_, clock_);
  }

  TestDirectory directory_;
  SystemClock clock_;
  Logger log_{2, Level::error, Logger::Format::text, clock_};
};

TEST_F(LedgerFormat, AnOlderOneIsTakenOver) {
  std::filesystem::copy(FAREBOX_SOURCE_DIR "/tests/data/ledger-format-1", directory_.path(),
                        std::filesystem::copy_options::recursive);
  for (int start = 0; start < 2; ++start) {
    auto ledger = open();
    ASSERT_TRUE(ledger) << ledger.error().context;
    const auto page = (*ledger)->records({}, 100, std::nullopt);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->records.size(), 5u);
    EXPECT_EQ(page->records[0].outcome, Outcome::crashed);
    EXPECT_TRUE(page->records[0].held_known);
    EXPECT_EQ(page->records[0].held, page->records[0].cost);
    EXPECT_TRUE(page->records[1].stream);
    EXPECT_EQ(page->records[2].status, 500);
    for (const int call : {1, 3, 4}) {
      const Record& record = page->records[static_cast<std::size_t>(call)];
      EXPECT_EQ(record.cost.decimal(), "0.00000525");
      EXPECT_EQ(record.project, "search");
      EXPECT_FALSE(record.held_known);  // format 1 didn't say
    }
    (*ledger)->close();
  }
  const auto reader = LedgerReader::open(directory_.path());
  ASSERT_TRUE(reader) << reader.error().context;
  const auto report = (*reader)->verify();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->faults.empty()) << report->faults.front();
  EXPECT_EQ(report->records, 5u);
}

TEST_F(LedgerFormat, ANewerOneIsLeftAlone) {
  {
    auto ledger = open();
    ASSERT_TRUE(ledger);
    WaitingClient client(**ledger);
    client.settle(HoldId(), Record());
    (*ledger)->close();
    auto store = RocksStore::open(LedgerPaths(directory_.path()).database, nullptr,
                                  RocksStore::Access::read_write,
                                  RocksStore::Recovery::refuse_damage);
    ASSERT_TRUE(store);
    std::string payload, sealed;
    OctetWriter(payload).varint(kLedgerFormat + 1);
    seal(sealed, kFormatRow, payload);
    rocksdb::WriteBatch batch;
    batch.Put(&(*store)->meta(), kFormatRow, sealed);
    ASSERT_TRUE((*store)->write(batch, true));
  }
  const auto ledger = open();
  ASSERT_FALSE(ledger);
  EXPECT_EQ(ledger.error().code, ErrorCode::ledger_newer);
  const auto repaired = repair_ledger(directory_.path());
  ASSERT_FALSE(repaired);
  EXPECT_EQ(repaired.error().code, ErrorCode::ledger_newer);
  const auto reader = LedgerReader::open(directory_.path());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::ledger_newer);
}

}  // namespace
}  // namespace farebox
