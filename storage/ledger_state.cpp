#include "storage/ledger_state.hpp"

#include <cstring>

#include "storage/octets.hpp"

namespace farebox {
namespace {

ChainLink read_link(OctetReader& in) {
  ChainLink link{};
  const std::string_view octets = in.raw(link.size());
  if (octets.size() == link.size()) std::memcpy(link.data(), octets.data(), link.size());
  return link;
}

template <class Row>
std::optional<Row> whole(const OctetReader& in, Row&& row) {
  if (!in.good() || !in.rest().empty()) return std::nullopt;
  return std::forward<Row>(row);
}

}  // namespace

void LedgerState::encode(std::string& out) const {
  OctetWriter put(out);
  for (const std::uint64_t number : {batch, epoch, last}) put.varint(number);
  put.raw(octets_of(head));
  put.money(cost);
  put.varint(unpriced);
  put.varint(open_holds);
  put.money(held);
  put.varint(turn);
}

std::optional<LedgerState> LedgerState::decode(std::string_view payload) {
  OctetReader in(payload);
  LedgerState state;
  for (std::uint64_t* const number : {&state.batch, &state.epoch, &state.last}) {
    *number = in.varint();
  }
  state.head = read_link(in);
  state.cost = in.money();
  state.unpriced = in.varint();
  state.open_holds = in.varint();
  state.held = in.money();
  if (in.good() && !in.rest().empty()) state.turn = in.varint();
  return whole(in, std::move(state));
}

void SyncedMark::encode(std::string& out) const {
  OctetWriter put(out);
  put.fixed64(batch);
  put.fixed64(last);
  put.raw(octets_of(head));
}

std::optional<SyncedMark> SyncedMark::decode(std::string_view payload) {
  OctetReader in(payload);
  SyncedMark mark;
  mark.batch = in.fixed64();
  mark.last = in.fixed64();
  mark.head = read_link(in);
  return whole(in, std::move(mark));
}

void Checkpoint::encode_unsigned(std::string& out) const {
  OctetWriter put(out);
  put.raw("farebox checkpoint 1");
  put.fixed64(first);
  put.raw(octets_of(before));
  put.money(cost);
  put.varint(unpriced);
  put.fixed64(static_cast<std::uint64_t>(newest_us));
  put.fixed64(static_cast<std::uint64_t>(made_us));
  put.text(public_key);
}

void Checkpoint::encode(std::string& out) const {
  encode_unsigned(out);
  OctetWriter(out).text(signature);
}

std::optional<Checkpoint> Checkpoint::decode(std::string_view payload) {
  OctetReader in(payload);
  Checkpoint point;
  constexpr std::string_view kTitle = "farebox checkpoint 1";
  if (in.raw(kTitle.size()) != kTitle) return std::nullopt;
  point.first = in.fixed64();
  point.before = read_link(in);
  point.cost = in.money();
  point.unpriced = in.varint();
  point.newest_us = static_cast<std::int64_t>(in.fixed64());
  point.made_us = static_cast<std::int64_t>(in.fixed64());
  point.public_key = in.text();
  point.signature = in.text();
  if (point.first == 0) return std::nullopt;
  return whole(in, std::move(point));
}

}  // namespace farebox
