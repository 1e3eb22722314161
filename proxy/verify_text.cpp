#include "proxy/verify_text.hpp"

#include <fmt/format.h>

#include "config/base/json_writer.hpp"
#include "proxy/text_table.hpp"

namespace farebox {
namespace {

// A record's id.
std::string id(std::uint64_t sequence) { return fmt::format("{:016x}", sequence); }

std::string counted(std::uint64_t count) { return with_thousands(std::to_string(count)); }

}  // namespace

std::string verify_text(const VerifyReport& report) {
  std::string out;
  const auto line = [&](std::string_view name, std::string_view value) {
    out += fmt::format("{:<14}{}\n", name, value);
  };
  line("records", counted(report.records));
  if (report.first != 0) line("first, last", fmt::format("{}, {}", id(report.first), id(report.last)));
  if (report.pending != 0) {
    line("pending", fmt::format("{} records that the next start takes from ledger.turns",
                                counted(report.pending)));
  }
  line("cost", report.cost.decimal() + " USD");
  if (report.unpriced != 0) {
    line("", fmt::format("{} without a price: the cost is a lower bound", counted(report.unpriced)));
  }
  line("open holds", report.open_holds == 0
                         ? "none"
                         : fmt::format("{}, holding {} USD", counted(report.open_holds),
                                       report.held.decimal()));
  line("pruned", report.pruned == 0 ? "none"
                                    : fmt::format("{} records, behind a signed checkpoint",
                                                  counted(report.pruned)));
  line("synced up to", report.synced == 0 ? "-" : id(report.synced));
  line("chain head", report.chain);
  if (report.faults.empty()) return out + "no faults\n";
  for (const std::string& fault : report.faults) out += fmt::format("FAULT: {}\n", fault);
  return out;
}

std::string verify_json(const VerifyReport& report) {
  std::string out;
  JsonWriter json(out);
  const auto sequence = [&](std::string_view name, std::uint64_t value) {
    json.key(name);
    if (value == 0) {
      json.null();
    } else {
      json.string(id(value));
    }
  };
  json.begin_object();
  json.key("records").number(report.records);
  sequence("first", report.first);
  sequence("last", report.last);
  json.key("pending").number(report.pending);
  json.key("pruned").number(report.pruned);
  sequence("synced", report.synced);
  json.key("openHolds").number(report.open_holds);
  json.key("heldUsd").string(report.held.decimal());
  json.key("costUsd").string(report.cost.decimal());
  json.key("unpricedRequests").number(report.unpriced);
  json.key("chain").string(report.chain);
  json.key("faults").begin_array();
  for (const std::string& fault : report.faults) json.string(fault);
  json.end_array();
  json.end_object();
  return out + "\n";
}

}  // namespace farebox
