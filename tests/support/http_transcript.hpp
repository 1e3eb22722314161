// Transcripts: what the HTTP grammar makes of octets, as text that can be compared.
//
// The octets arrive in pieces, cut where the test says; what is understood must not
// depend on it. The loops are those of the read_head, request_body and relay stages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/body_reader.hpp"
#include "proxy/http/head.hpp"
#include "proxy/http/text.hpp"
#include "tests/unit/proxy/dialect/cuts.hpp"

namespace farebox::testing {

inline std::string_view name_of(http::Framing framing) {
  switch (framing) {
    case http::Framing::none: return "none";
    case http::Framing::length: return "length";
    case http::Framing::chunked: return "chunked";
    case http::Framing::until_close: return "until_close";
  }
  return "?";
}

template <class Head>
std::string framing_text(const Head& head) {
  std::string text(name_of(head.framing));
  if (head.framing == http::Framing::length) text += " " + std::to_string(head.content_length);
  text += head.keep_alive ? " keep" : " close";
  return text;
}

inline std::string fields_text(const std::vector<http::Field>& fields) {
  std::string text;
  for (const http::Field& field : fields) {
    text.append(field.name).append(": ").append(field.value).append("\n");
  }
  return text;
}

inline std::string describe(const http::RequestHead& head) {
  std::string text(head.method);
  text.append(" ").append(head.target).append(" 1.").append(std::to_string(head.minor_version));
  text.append(" host=").append(head.host).append(" ").append(framing_text(head));
  if (head.expects_continue) text += " continue";
  if (head.asks_websocket) text += " websocket";
  return text + "\n" + fields_text(head.fields);
}

inline std::string describe(const http::ResponseHead& head) {
  std::string text = std::to_string(head.status) + " " + std::string(head.reason) + " 1." +
                     std::to_string(head.minor_version) + " " + framing_text(head);
  return text + "\n" + fields_text(head.fields);
}

// A copy that ends where its memory ends, so that a sanitizer sees a read beyond it.
class ExactCopy {
 public:
  explicit ExactCopy(std::string_view text) : octets_(text.begin(), text.end()) {}
  std::string_view view() const { return {octets_.data(), octets_.size()}; }

 private:
  std::vector<char> octets_;
};

enum class Peer : std::uint8_t { client, provider };

// One connection's worth of messages. `Parse` turns a complete head into its
// description, or an error, and says how its content is framed.
template <class Parse>
std::string transcript(std::string_view raw, const Cuts& cuts, const http::HeadLimits& limits,
                       Peer peer, const Parse& parse) {
  std::string out;
  std::string received;
  http::HeadScanner scanner(limits);
  http::BodyReader body;
  bool in_body = false;
  for (const std::string& piece : pieces(raw, cuts)) {
    received += piece;
    while (true) {
      if (!in_body) {
        // RFC 9112, 2.2: empty lines before a request are ignored, as read_head does.
        while (peer == Peer::client && received.starts_with("\r\n")) received.erase(0, 2);
        if (received.empty()) break;
        if (peer == Peer::client && !http::is_tchar(received[0]) && received[0] != '\r') {
          return out + "error bad_request";
        }
        const ExactCopy seen(received);
        const auto length = scanner.find_end(seen.view());
        if (!length) return out + "error " + std::string(name_of(length.error().code));
        if (*length == 0) break;
        const ExactCopy head(seen.view().substr(0, *length));
        const auto parsed = parse(head.view(), body);
        if (!parsed) return out + "error " + std::string(name_of(parsed.error().code));
        out += *parsed;
        received.erase(0, *length);
        scanner.reset();
        in_body = true;
      }
      const ExactCopy seen(received);
      std::string_view input = seen.view();
      const auto step = body.next(input);
      received.erase(0, received.size() - input.size());
      out += step.data;
      using What = http::BodyReader::What;
      if (step.what == What::broken) return out + "\nbroken body";
      if (step.what == What::need_more) break;
      if (step.what == What::end) {
        out += "\nend\n";
        in_body = false;
      }
    }
  }
  if (in_body) return out + (body.complete_at_close() ? "\nend by close" : "\nincomplete body");
  return out + (received.empty() ? "" : "incomplete head");
}

inline std::string requests_of(std::string_view raw, const Cuts& cuts,
                               const http::HeadLimits& limits = {}) {
  return transcript(raw, cuts, limits, Peer::client,
                    [&](std::string_view text, http::BodyReader& body) -> Result<std::string> {
                      http::RequestHead head;
                      const auto parsed = http::parse_request(text, limits, head);
                      if (!parsed) return parsed.error();
                      body = http::BodyReader(head.framing, head.content_length);
                      return describe(head);
                    });
}

inline std::string answers_of(std::string_view raw, std::string_view method, const Cuts& cuts,
                              const http::HeadLimits& limits = {}) {
  return transcript(raw, cuts, limits, Peer::provider,
                    [&](std::string_view text, http::BodyReader& body) -> Result<std::string> {
                      http::ResponseHead head;
                      const auto parsed = http::parse_response(text, method, limits, head);
                      if (!parsed) return parsed.error();
                      body = http::BodyReader(head.framing, head.content_length);
                      return describe(head);
                    });
}

}  // namespace farebox::testing
