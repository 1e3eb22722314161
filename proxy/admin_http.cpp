#include "proxy/admin_http.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include "proxy/http/text.hpp"

namespace farebox {
namespace {

constexpr std::size_t kWorthCompressing = 1 << 10;

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && http::hex_value(text[i + 1]) >= 0 &&
               http::hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(http::hex_value(text[i + 1]) * 16 + http::hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

// gzip (RFC 1952); empty when it can't be done, and the answer goes as it is.
std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return done ? out : std::string();
}

}  // namespace

std::map<std::string, std::string> parse_admin_query(std::string_view query) {
  std::map<std::string, std::string> parameters;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (!pair.empty()) {
      parameters[decode(pair.substr(0, equals))] =
          equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1));
    }
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return parameters;
}

std::string write_answer_head(AdminAnswer& answer, bool takes_gzip, bool keep_alive) {
  std::string_view encoding;
  if (takes_gzip && answer.body.size() > kWorthCompressing) {
    std::string packed = gzip(answer.body);
    if (!packed.empty()) {
      answer.body = std::move(packed);
      encoding = "Content-Encoding: gzip\r\n";
    }
  }
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{}Content-Length: {}\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n{}{}{}\r\n",
      answer.status, reason_of(answer.status), answer.content_type, encoding, answer.body.size(),
      answer.status == 401 ? "WWW-Authenticate: Bearer\r\n" : "",
      answer.allow.empty() ? std::string() : "Allow: " + answer.allow + "\r\n",
      keep_alive ? "" : "Connection: close\r\n");
}

}  // namespace farebox
