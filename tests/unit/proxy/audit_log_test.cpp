#include "proxy/audit_log.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "proxy/audit_command.hpp"
#include "storage/memory_ledger.hpp"

namespace farebox {
namespace {

using nlohmann::json;

class StoppedClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::hours(1)); }
  WallTime wall_now() const override { return WallTime(std::chrono::hours(500'000)); }
};

Record request(int number) {
  Record record;
  record.request_id = "r" + std::to_string(number);
  record.metered = record.priced = true;
  record.cost = Money::dollars(1);
  return record;
}

struct Program {
  StoppedClock clock;
  Logger log{2, Level::error, Logger::Format::json, clock};
  MemoryLedger ledger{10'000};
  std::unique_ptr<DocumentStore> documents = make_memory_document_store();
  AuditLog audit{ledger, *documents, clock, log};

  void change(const std::string& target) {
    audit.note({"admin", "127.0.0.1"}, {"budget.put", target, "", R"({"limitUsd":"5"})", "why"});
  }
  std::vector<std::string> targets(AuditLog& of, std::size_t limit = 100,
                                   std::optional<std::uint64_t> below = std::nullopt) {
    const auto page = of.list(limit, below);
    EXPECT_TRUE(page);
    std::vector<std::string> found;
    for (const Record& record : page->records) {
      std::string text;
      append_audit(text, record);
      found.push_back(json::parse(text).at("target"));
    }
    return found;
  }
  std::vector<std::string> targets() { return targets(audit); }
};

TEST(AuditLog, AChangeIsListedWithAllThatIsKnownOfIt) {
  Program program;
  program.change("b1");
  const auto page = program.audit.list(10, std::nullopt);
  ASSERT_TRUE(page && page->records.size() == 1);
  std::string text;
  append_audit(text, page->records[0]);
  EXPECT_EQ(json::parse(text), json::parse(R"({"id": "0000000000000001",
    "time": "2027-01-15T08:00:00.000Z", "action": "budget.put", "target": "b1", "actor": "admin",
    "from": "127.0.0.1", "before": null, "after": {"limitUsd": "5"}, "reason": "why"})"));
  EXPECT_FALSE(page->next_below);
}

TEST(AuditLog, ChangesAreFoundAmongRequestsAndBetweenNoSums) {
  Program program;
  for (int i = 0; i < 300; ++i) {
    program.ledger.append(request(i));
    if (i % 100 == 50) program.change("b" + std::to_string(i));
  }
  EXPECT_EQ(program.targets(), (std::vector<std::string>{"b250", "b150", "b50"}));
  const auto requests = program.ledger.records({}, 1'000, std::nullopt);
  ASSERT_TRUE(requests);
  EXPECT_EQ(requests->records.size(), 300u) << "a list of requests has no changes in it";
  const auto usage = program.ledger.usage({});
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->total.requests, 300u);
  EXPECT_EQ(usage->total.cost, Money::dollars(300));
}

TEST(AuditLog, PagesFollowEachOther) {
  Program program;
  for (int i = 0; i < 7; ++i) program.change(std::to_string(i));
  const auto first = program.audit.list(3, std::nullopt);
  ASSERT_TRUE(first && first->next_below);
  EXPECT_EQ(program.targets(program.audit, 3, first->next_below),
            (std::vector<std::string>{"3", "2", "1"}));
  EXPECT_EQ(program.targets(program.audit, 3, 2), (std::vector<std::string>{"0"}));
  EXPECT_TRUE(program.targets(program.audit, 3, 1).empty());
}

// The place of the newest one is a document; a crash may have come between the two.
TEST(AuditLog, AnotherStartFindsThemAlsoWhereTheNewestWasNotNotedDown) {
  Program program;
  program.change("a");
  program.change("b");
  EXPECT_TRUE(program.documents->put("audit", "head", "1"));
  for (int i = 0; i < 20; ++i) program.ledger.append(request(i));
  AuditLog again{program.ledger, *program.documents, program.clock, program.log};
  EXPECT_EQ(program.targets(again), (std::vector<std::string>{"b", "a"}));
  again.note({"signal", ""}, {"config.reload", "c", "", "", ""});
  EXPECT_EQ(program.targets(again), (std::vector<std::string>{"c", "b", "a"}));
}

TEST(AuditLog, AStateThatIsTooLongIsLeftOutAndSaysSo) {
  Program program;
  program.audit.note({"admin", ""}, {"config.reload", "budgets", "",
                                     "\"" + std::string(20'000, 'x') + "\"", ""});
  const auto page = program.audit.list(1, std::nullopt);
  ASSERT_TRUE(page && page->records.size() == 1);
  EXPECT_EQ(json::parse(page->records[0].audit)["after"]["leftOutOctets"], 20'002);
}

TEST(AuditCommand, ATableIsForPeople) {
  const auto table = audit_table(
      R"({"audit":[{"id":"1","time":"T","action":"key.revoke","target":"key-1","actor":"admin",
          "from":"","before":null,"after":{},"reason":"lost\u001b[2J"}],"nextCursor":null})");
  ASSERT_TRUE(table);
  EXPECT_EQ(*table, "TIME  WHO    FROM  CHANGE      TARGET  REASON\n"
                    "T     admin  -     key.revoke  key-1   lost?[2J\n");
  EXPECT_EQ(*audit_table(R"({"audit":[],"nextCursor":null})"), "No changes yet.\n");
  for (const char* const odd : {"", "[]", "{}", R"({"audit":1})"}) EXPECT_FALSE(audit_table(odd)) << odd;
}

}  // namespace
}  // namespace farebox
