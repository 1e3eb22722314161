// Reads hand-written replies in every cut; the reading must not depend on it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "proxy/dialect/readers.hpp"
#include "tests/unit/proxy/dialect/cuts.hpp"

namespace farebox::testing {

inline Reading read_with(UsageReader& reader, const std::string& reply, const Cuts& cuts) {
  for (const std::string& piece : pieces(reply, cuts)) reader.feed(piece);
  return reader.finish();
}

inline Reading read_reply(Endpoint endpoint, const std::string& reply, const Cuts& cuts,
                          ReaderQuirks quirks = {}) {
  return read_with(*reader_for(endpoint, quirks), reply, cuts);
}

inline std::string summary(const Reading& reading) {
  const Usage& usage = reading.usage;
  std::string out = usage.source == UsageSource::reported ? "" : "nothing ";
  const auto add = [&out](std::string_view name, std::uint64_t value) {
    if (value != 0) out += std::string(name) + " " + std::to_string(value) + ", ";
  };
  add("in", usage.input);
  add("cached", usage.cached_input);
  add("write", usage.cache_write);
  add("write 1h", usage.cache_write_1h);
  add("tool in", usage.tool_use_input);
  add("audio in", usage.audio_input);
  add("image in", usage.image_input);
  add("out", usage.output);
  add("thought", usage.reasoning);
  add("audio out", usage.audio_output);
  add("image out", usage.image_output);
  add("us", usage.microseconds);
  add("images", usage.images);
  add("citation", usage.citation);
  add("characters", usage.characters);
  add("queries", usage.queries);
  add("pages", usage.pages);
  if (usage.reported_cost) out += "$" + usage.reported_cost->decimal() + " ";
  for (const UsageExtra& extra : usage.extras) {
    out += "+" + extra.type + (extra.model.empty() ? "" : "(" + extra.model + ")") + "[";
    add("in", extra.input);
    add("cached", extra.cached_input);
    add("write", extra.cache_write);
    add("write 1h", extra.cache_write_1h);
    add("out", extra.output);
    add("count", extra.count);
    out += "] ";
  }
  add("calls", reading.tool_calls);
  for (const std::string& word : {usage.service_tier, usage.inference_geo, usage.speed,
                                  usage.variant, usage.search_context, reading.model,
                                  reading.finish_reason}) {
    if (!word.empty()) out += word + " ";
  }
  if (reading.error) out += "error:" + reading.error_code + " ";
  return out + (reading.stream ? "stream " : "") + (reading.finished ? "finished" : "cut");
}

// The summary of the reading, after checking that every cut gives the same.
template <class MakeReader>
std::string read_in_all_cuts(const MakeReader& make_reader, const std::string& reply) {
  const Reading whole = read_with(*make_reader(), reply, {});
  const auto compare = [&](const Cuts& cuts) {
    const Reading cut = read_with(*make_reader(), reply, cuts);
    EXPECT_EQ(summary(cut), summary(whole)) << reply;
    EXPECT_EQ(cut.output_bytes, whole.output_bytes) << reply;
  };
  compare(every(reply.size(), 1));
  for (std::size_t cut = 1; cut < reply.size(); ++cut) compare({cut});
  return summary(whole);
}

inline std::string read_all_cuts(Endpoint endpoint, const std::string& reply,
                                 ReaderQuirks quirks = {}) {
  return read_in_all_cuts([&] { return reader_for(endpoint, quirks); }, reply);
}

inline std::string read_all_cuts(const Route& route, DialectName own, const std::string& reply) {
  return read_in_all_cuts([&] { return reader_for(route, own); }, reply);
}

}  // namespace farebox::testing
