#include "storage/record_codec.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/storage/ledger_support.hpp"

namespace farebox {
namespace {

std::string json_of(const Record& record) {
  std::string json;
  append_json(json, record);
  return json;
}

TEST(RecordCodec, WhatIsWrittenIsRead) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2'000; ++round) {
    Record record = random_record(random);
    const HoldId hold{random()};
    std::string payload;
    encode_record(payload, record, hold);
    Record read = random_record(random);  // whatever was there before
    read.sequence = record.sequence;
    ASSERT_TRUE(decode_record(payload, read));
    EXPECT_EQ(json_of(read), json_of(record));
    EXPECT_EQ(read.hold, hold);
    EXPECT_EQ(read.usage.cache_write_1h, record.usage.cache_write_1h);
    EXPECT_EQ(read.usage.service_tier, record.usage.service_tier);
    EXPECT_EQ(read.usage.source, record.usage.source);
    EXPECT_EQ(read.held, record.held);
    EXPECT_EQ(read.held_known, record.held_known);
    EXPECT_EQ(read.usage.citation, record.usage.citation);
    EXPECT_EQ(read.table_cost, record.table_cost);
    EXPECT_EQ(read.variant, record.variant);
    EXPECT_EQ(read.audit, record.audit);
    EXPECT_EQ(read.audit_before, record.audit_before);
    EXPECT_EQ(read.price_factor, record.price_factor);
    ASSERT_EQ(read.extras.size(), record.extras.size());
    for (std::size_t i = 0; i < read.extras.size(); ++i) {
      EXPECT_EQ(read.extras[i].cached_input, record.extras[i].cached_input);
      EXPECT_EQ(read.extras[i].cache_write_1h, record.extras[i].cache_write_1h);
      EXPECT_EQ(read.extras[i].count, record.extras[i].count);
    }
    ASSERT_EQ(read.attempts.size(), record.attempts.size());
    for (std::size_t i = 0; i < read.attempts.size(); ++i) {
      EXPECT_EQ(read.attempts[i].sent, record.attempts[i].sent);
    }
    RecordFacts facts;
    ASSERT_TRUE(decode_facts(payload, facts));
    const RecordFacts expected = facts_of(record);
    EXPECT_EQ(facts.time, expected.time);
    EXPECT_EQ(facts.hold, hold);
    EXPECT_EQ(facts.request_id, expected.request_id);
    EXPECT_EQ(facts.user, expected.user);
    EXPECT_EQ(facts.outcome, expected.outcome);
    EXPECT_EQ(facts.cost, expected.cost);
    EXPECT_EQ(facts.priced, expected.priced);
    EXPECT_EQ(facts.metered, expected.metered);
    EXPECT_EQ(facts.correction, record.corrects != 0);
    EXPECT_EQ(facts.reasoning, expected.reasoning);
  }
}

// A field that the encoder forgot would come back as its default here.
TEST(RecordCodec, MoneyKeepsItsLimits) {
  for (const Int128 amount : {Int128(0), Int128(1), Int128(-1), Int128(1) << 100,
                              -(Int128(1) << 100), Int128(INT64_MAX) + 1}) {
    Record record, read;
    record.cost = Money::picodollars(amount);
    std::string payload;
    encode_record(payload, record, HoldId());
    ASSERT_TRUE(decode_record(payload, read));
    EXPECT_EQ(read.cost, record.cost);
  }
}

TEST(RecordCodec, NoOctetsCanHurtIt) {
  std::mt19937_64 random(11);
  Record record;
  RecordFacts facts;
  for (int round = 0; round < 3'000; ++round) {
    std::string payload;
    encode_record(payload, random_record(random), HoldId{random()});
    payload.resize(random() % (payload.size() + 1));  // most often cut short
    for (std::uint64_t flips = random() % 4; flips != 0 && !payload.empty(); --flips) {
      payload[random() % payload.size()] ^= static_cast<char>(1 << random() % 8);
    }
    decode_record(payload, record);
    decode_facts(payload, facts);
  }
  for (std::size_t size = 0; size < 200; ++size) {
    EXPECT_FALSE(decode_record(std::string(size, '\xff'), record));
  }
}

TEST(RecordCodec, CutShortIsNoRecord) {
  std::mt19937_64 random(13);
  std::string payload;
  encode_record(payload, random_record(random), HoldId{5});
  for (std::size_t size = 0; size < payload.size(); ++size) {
    Record record;
    EXPECT_FALSE(decode_record(std::string_view(payload).substr(0, size), record)) << size;
  }
}

// Octets as version 2 wrote them: without the counts of extras and what stands behind `held`.
TEST(RecordCodec, AnOlderVersionIsRead) {
  Record record;
  record.request_id = "r";
  record.held = Money::picodollars(77);
  record.held_known = true;
  std::string payload;
  encode_record(payload, record, HoldId{9});
  payload[0] = 2;
  payload.pop_back();  // `has`, which says that nothing follows
  std::mt19937_64 random(17);
  Record read = random_record(random);
  ASSERT_TRUE(decode_record(payload, read));
  EXPECT_EQ(read.held, record.held);
  EXPECT_EQ(read.corrects, 0u);
  EXPECT_EQ(read.price_factor, Record::kNoFactor);
  EXPECT_FALSE(read.usage.reported_cost.has_value());
  EXPECT_FALSE(read.table_cost.has_value());
  EXPECT_TRUE(read.estimated_by.empty());
}

TEST(RecordCodec, ALaterVersionIsRefused) {
  std::string payload;
  encode_record(payload, Record(), HoldId());
  payload[0] = 4;
  Record record;
  EXPECT_FALSE(decode_record(payload, record));
}

}  // namespace
}  // namespace farebox
