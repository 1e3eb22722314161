// Recorded exchanges with real providers, to be answered again. A recording is
// one line of a JSON Lines file; its fields are described beside the files.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "tests/mock/reply.hpp"

namespace farebox::mock {

struct Recording {
  int status = 200;
  std::vector<Field> headers;  // without content-type, length and transport fields
  std::string content_type;
  std::string framing;         // none, sse, ndjson, json-array, aws-eventstream
  std::string body;            // octets

  // The answer again, cut into pieces: "event" (one event, line or frame each;
  // a body without events stays whole), "byte", "whole", or a number of octets.
  Reply reply(const std::string& split) const;
};

class Recordings {
 public:
  // A file, or a directory whose *.jsonl are all read. Lines that are no HTTP
  // exchange (WebSocket sessions) are left out. Throws on what can't be read.
  void load(const std::string& file_or_directory);

  const Recording* find(const std::string& id) const;
  std::size_t size() const { return by_id_.size(); }

 private:
  void load_file(const std::string& path);

  std::map<std::string, Recording> by_id_;
};

}  // namespace farebox::mock
