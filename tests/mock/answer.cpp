#include "tests/mock/answer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "tests/mock/octets.hpp"
#include "tests/mock/wire.hpp"

namespace farebox::mock {

namespace {

constexpr std::uint64_t kUsualPiece = 16 << 10;  // of bodies made up from their size

const char* reason_of(int status) {
  switch (status) {
    case 100: return "Continue";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 413: return "Content Too Large";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 529: return "Overloaded";
    default: return "Mock";
  }
}

std::string pattern(std::uint64_t size) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz-_~\n";
  std::string out;
  out.reserve(size);
  while (out.size() < size) out.append(kDigits.substr(0, size - out.size()));
  return out;
}

std::uint64_t last_tokens(const Reply& reply) {
  return reply.pieces.empty() ? 0 : reply.pieces.back().tokens;
}

void cut_into(Reply& reply, std::uint64_t size) {
  const std::uint64_t tokens = last_tokens(reply);
  std::string all;
  for (const Piece& piece : reply.pieces) all += piece.octets;
  reply.pieces.clear();
  for (std::uint64_t at = 0; at < all.size(); at += size) {
    reply.add(all.substr(at, size), tokens);
  }
}

void replace_body(const Behaviour& behaviour, Reply& reply) {
  std::string body;
  if (behaviour.body) {
    body = *behaviour.body;
  } else if (behaviour.body_base64) {
    body = from_base64(*behaviour.body_base64).value_or("");
  } else if (behaviour.body_size) {
    body = pattern(*behaviour.body_size);
  } else if (behaviour.bomb_mib) {
    body = gzip_bomb(*behaviour.bomb_mib);
    reply.fields.push_back({"content-encoding", "gzip"});
  } else {
    return;
  }
  if (behaviour.status == 0) reply.status = 200;  // whatever the path
  const std::uint64_t tokens = last_tokens(reply);
  const bool large = behaviour.body_size || behaviour.bomb_mib;
  reply.pieces.clear();
  if (!body.empty()) reply.add(std::move(body), tokens);
  if (large) cut_into(reply, kUsualPiece);
}

void compress(Reply& reply) {
  std::vector<std::string> plain;
  for (const Piece& piece : reply.pieces) plain.push_back(piece.octets);
  const std::vector<std::string> packed = gzip_pieces(plain);
  for (std::size_t i = 0; i < packed.size(); ++i) reply.pieces[i].octets = packed[i];
  reply.fields.push_back({"content-encoding", "gzip"});
}

void apply(const Behaviour& behaviour, Reply& reply) {
  if (behaviour.status != 0) reply.status = behaviour.status;
  if (!behaviour.location.empty()) {
    if (behaviour.status == 0) reply.status = 307;
    reply.fields.push_back({"location", behaviour.location});
  }
  replace_body(behaviour, reply);
  if (!behaviour.content_type.empty()) reply.content_type = behaviour.content_type;
  if (behaviour.chunk_size > 0) cut_into(reply, behaviour.chunk_size);
  if (behaviour.encoding == "gzip") compress(reply);
  for (const Field& field : behaviour.headers) reply.fields.push_back(field);
}

enum class BodyFraming : std::uint8_t { none, length, chunked, close };

BodyFraming choose_framing(const Request& request, const Behaviour& behaviour,
                           const Reply& reply) {
  if (reply.status == 204 || reply.status == 304) return BodyFraming::none;
  std::string wish = behaviour.framing;
  if (wish.empty()) wish = reply.streamed ? "chunked" : "length";
  if (wish == "chunked" && request.version == "HTTP/1.0") wish = "close";
  if (wish == "chunked") return BodyFraming::chunked;
  return wish == "close" ? BodyFraming::close : BodyFraming::length;
}

std::string head_text(const Behaviour& behaviour, const Reply& reply, BodyFraming framing,
                      bool closing) {
  const std::string reason =
      behaviour.reason.empty() ? reason_of(reply.status) : behaviour.reason;
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " " + reason + "\r\n";
  const auto add = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  if (!reply.content_type.empty() && framing != BodyFraming::none) {
    add("content-type", reply.content_type);
  }
  for (const Field& field : reply.fields) add(field.name, field.value);
  if (framing == BodyFraming::chunked) add("transfer-encoding", "chunked");
  if (framing == BodyFraming::length) {
    std::size_t size = 0;
    for (const Piece& piece : reply.pieces) size += piece.octets.size();
    add("content-length", std::to_string(size));
  }
  if (closing) add("connection", "close");
  return out + "\r\n";
}

void set_stamp(std::string& octets) {
  const auto at = octets.find(kStampMark);
  if (at == std::string::npos) return;
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%18.6f", monotonic_seconds());
  octets.replace(at, kStampMark.size(), text.data(), kStampMark.size());
}

std::string chunk(std::string_view octets) {
  std::array<char, 24> size;
  const int n = std::snprintf(size.data(), size.size(), "%zx\r\n", octets.size());
  std::string out(size.data(), static_cast<std::size_t>(n));
  return out.append(octets).append("\r\n");
}

// True if all of the body went out.
bool write_body(Wire& wire, const Behaviour& behaviour, Reply& reply, BodyFraming framing,
                Ended& ended) {
  wire.wait(behaviour.delay_body_ms);
  std::uint64_t pieces = 0;
  for (Piece& piece : reply.pieces) {
    if (behaviour.cut_chunks && pieces == *behaviour.cut_chunks) wire.cut();
    if (pieces > 0) wire.wait(behaviour.delay_chunk_ms);
    set_stamp(piece.octets);
    if (!wire.write(framing == BodyFraming::chunked ? chunk(piece.octets) : piece.octets)) {
      return false;
    }
    ended.output_tokens = piece.tokens;
    ++pieces;
  }
  if (behaviour.cut_chunks && pieces == *behaviour.cut_chunks) wire.cut();
  if (framing == BodyFraming::length) return true;
  wire.wait(behaviour.delay_end_ms);
  return wire.write(framing == BodyFraming::chunked ? "0\r\n\r\n" : "");
}

bool write_interim(Wire& wire, const Behaviour& behaviour) {
  for (const int status : behaviour.interim) {
    std::string head =
        "HTTP/1.1 " + std::to_string(status) + " " + reason_of(status) + "\r\n";
    if (status == 103) head += "link: </style.css>; rel=preload; as=style\r\n";
    if (!wire.write(head + "\r\n")) return false;
  }
  return true;
}

Afterwards after_cut(Stream& stream, Ending ending) {
  if (ending == Ending::hang) stream.wait_with_peer(std::chrono::minutes(10));
  if (ending == Ending::reset) {
    stream.reset();
  } else {
    stream.close_abruptly();
  }
  return Afterwards::ended;
}

Afterwards after_whole(Stream& stream, const Behaviour& behaviour, bool closing) {
  if (behaviour.close_after_ms > 0) {
    stream.wait_with_peer(std::chrono::milliseconds(behaviour.close_after_ms));
    return Afterwards::close;
  }
  return closing || behaviour.close_after ? Afterwards::close : Afterwards::keep;
}

}  // namespace

bool is_scripted(const Behaviour& behaviour) {
  return !behaviour.raw.empty() || !behaviour.steps.empty();
}

Sent send_script(Stream& stream, const Behaviour& behaviour) {
  Sent sent;
  sent.ended.outcome = "whole";
  Wire wire(stream, behaviour.write_size);
  if (!behaviour.raw.empty()) wire.write(from_base64(behaviour.raw).value_or(""));
  for (const Step& step : behaviour.steps) {
    if (step.send) wire.write(*step.send);
    if (step.sleep_ms > 0) wire.wait(step.sleep_ms);
    if (step.reset || step.close) {
      sent.ended.outcome = "cut";
      sent.afterwards = after_cut(stream, step.reset ? Ending::reset : Ending::fin);
      break;
    }
  }
  sent.ended.wire_octets = wire.written();
  sent.ended.peer_left_at = wire.peer_left_at();
  if (wire.peer_left_at() > 0) sent.ended.outcome = "peer_left";
  if (sent.afterwards == Afterwards::keep && behaviour.close_after) {
    sent.afterwards = Afterwards::close;
  }
  return sent;
}

Sent send_reply(Stream& stream, const Request& request, const Behaviour& behaviour, Reply reply) {
  apply(behaviour, reply);
  const BodyFraming framing = choose_framing(request, behaviour, reply);
  const bool closing = behaviour.connection_close || behaviour.early_answer ||
                       framing == BodyFraming::close || request.version == "HTTP/1.0" ||
                       lower(request.field("connection")) == "close";

  Sent sent;
  sent.ended.status = reply.status;
  sent.ended.promised_tokens = last_tokens(reply);
  if (!reply.streamed && reply.status < 400) sent.ended.output_tokens = last_tokens(reply);

  Wire wire(stream, behaviour.write_size);
  if (behaviour.cut_wire) wire.cut_at(*behaviour.cut_wire);
  bool whole = write_interim(wire, behaviour);
  wire.wait(behaviour.delay_head_ms);
  whole = whole && wire.write(head_text(behaviour, reply, framing, closing));
  if (behaviour.cut_bytes) wire.cut_at(wire.written() + *behaviour.cut_bytes);
  const bool bodiless = request.method == "HEAD" || framing == BodyFraming::none;
  if (whole && !bodiless) whole = write_body(wire, behaviour, reply, framing, sent.ended);

  sent.ended.wire_octets = wire.written();
  sent.ended.peer_left_at = wire.peer_left_at();
  if (whole) {
    sent.ended.outcome = "whole";
    sent.afterwards = after_whole(stream, behaviour, closing);
  } else if (wire.peer_left_at() > 0) {
    sent.ended.outcome = "peer_left";
    sent.afterwards = Afterwards::ended;
  } else {
    sent.ended.outcome = "cut";
    sent.afterwards = after_cut(stream, behaviour.cut);
  }
  return sent;
}

}  // namespace farebox::mock
