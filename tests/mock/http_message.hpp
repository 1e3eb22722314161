// HTTP/1.1 requests as a strict origin reads them. It shares no code with
// farebox on purpose: what farebox forwards is read here a second time, and
// anything two parsers could read differently is named in `fault`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace farebox::mock {

class Stream;

struct Field {
  std::string name;
  std::string value;
};

enum class Framing : std::uint8_t { none, length, chunked };

struct Request {
  std::string head;  // the octets as they came, with the blank line
  std::string method;
  std::string target;
  std::string version;
  std::vector<Field> fields;

  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  std::string body;
  std::vector<std::uint64_t> chunks;  // sizes, when the body came chunked
  std::vector<Field> trailers;

  std::string fault;  // why this is no clean request; empty when it is one

  std::string_view path() const;   // the target without its query
  std::string_view query() const;  // without the question mark
  // Value of the first field of this name (any case); empty if there is none.
  std::string_view field(std::string_view name) const;
};

// What has been read from a stream and not been used yet.
class Inbox {
 public:
  explicit Inbox(Stream& stream) : stream_(stream) {}
  bool empty() const { return octets_.empty(); }
  // False at the end of the stream.
  bool fill();

 private:
  friend class RequestReader;
  Stream& stream_;
  std::string octets_;
};

enum class ReadEnd : std::uint8_t {
  whole,     // all of it is there
  faulty,    // it isn't HTTP; request.fault says why
  cut_short  // the peer ended the stream inside it
};

class RequestReader {
 public:
  explicit RequestReader(Inbox& inbox) : inbox_(inbox) {}

  ReadEnd read_head(Request& request);
  // A pause between reads makes a slow reader of us.
  ReadEnd read_body(Request& request, int pause_ms);

 private:
  ReadEnd read_chunked(Request& request, int pause_ms);
  bool take(std::size_t size, std::string& to, int pause_ms);
  bool take_line(std::string& line);

  Inbox& inbox_;
};

}  // namespace farebox::mock
