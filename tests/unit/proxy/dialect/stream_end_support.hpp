// What tests of StreamEnd share: a recorded call, and whether octets are a stream.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/dialect/aws_event_stream.hpp"
#include "proxy/dialect/sse.hpp"
#include "proxy/dialect/stream_end.hpp"
#include "tests/unit/proxy/dialect/recordings.hpp"

namespace farebox::testing {

struct Call {
  const Dialect* dialect = nullptr;
  Route route;
  BodyFacts facts;

  std::unique_ptr<StreamEnd> end() const { return stream_end(route, dialect->name(), facts); }
  Reading read(std::string_view reply) const {
    const auto reader = dialect->reader(route, facts);
    reader->feed(reply);
    return reader->finish();
  }
};

inline Call call_of(const Recording& recording) {
  Call call;
  call.dialect = &dialect_for(recording.dialect());
  call.route = call.dialect->recognise(recording.method, recording.path);
  const auto facts = call.dialect->read_body(call.route, recording.request_content_type,
                                             recording.request_body);
  if (facts) call.facts = *facts;
  return call;
}

// Empty: the octets are what they should be.
inline std::string fault_of(std::string_view reply, const std::string& framing) {
  const auto is_json = [](std::string_view text) { return nlohmann::json::accept(text); };
  if (framing == "aws-eventstream") {
    AwsEventSplitter splitter;
    AwsEvent event;
    while (splitter.next(reply, event)) {
      if (!is_json(event.payload)) return "a frame's payload is no JSON";
    }
    return splitter.complete() ? "" : "the frames are broken";
  }
  if (framing == "json-array") return is_json(reply) ? "" : "no JSON array";
  if (framing == "ndjson") {
    for (std::size_t at = 0; at < reply.size();) {
      const std::size_t end = std::min(reply.find('\n', at), reply.size());
      const std::string_view line = reply.substr(at, end - at);
      if (line.find_first_not_of(" \r") != line.npos && !is_json(line)) return "a line is no JSON";
      at = end + 1;
    }
    return "";
  }
  SseSplitter splitter;
  SseEvent event;
  while (splitter.next(reply, event)) {
    if (event.data != "[DONE]" && !is_json(event.data)) return "an event is no JSON";
  }
  return splitter.finish(event) ? "the last event is open" : "";
}

}  // namespace farebox::testing
