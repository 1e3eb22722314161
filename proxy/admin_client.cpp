#include "proxy/admin_client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "config/address.hpp"
#include "proxy/http/body_reader.hpp"

namespace farebox {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMostOctets = 64 << 20;
const http::HeadLimits kLimits{16 << 10, 64 << 10, 200};

Error unreachable(std::string why) {
  return Error(ErrorCode::upstream_unreachable, std::move(why));
}
Error too_slow() { return Error(ErrorCode::upstream_timeout, "no answer in time"); }
Error odd(std::string why) { return Error(ErrorCode::upstream_invalid, std::move(why)); }

// A socket that never blocks for longer than its deadline; closed at the end.
class Peer {
 public:
  explicit Peer(int family)
      : socket_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Peer() {
    if (socket_ >= 0) ::close(socket_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void give(std::chrono::milliseconds time) { until_ = SteadyClock::now() + time; }

  Result<void> connect(const sockaddr* to, socklen_t size) {
    if (socket_ < 0) return unreachable(std::strerror(errno));
    if (::connect(socket_, to, size) == 0) return {};
    if (errno == EINPROGRESS) {
      if (!wait(POLLOUT)) return too_slow();
      int error = 0;
      socklen_t error_size = sizeof error;
      ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &error_size);
      if (error == 0) return {};
      errno = error;
    }
    const bool nobody = errno == ECONNREFUSED || (to->sa_family == AF_UNIX && errno == ENOENT);
    return unreachable(nobody ? "nothing listens there" : std::strerror(errno));
  }

  Result<void> send(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t sent = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        octets.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EINTR) {
        continue;
      } else if (errno != EAGAIN) {
        return unreachable("no answer");
      } else if (!wait(POLLOUT)) {
        return too_slow();
      }
    }
    return {};
  }

  // Appends what arrives to `out`; 0: the peer has ended.
  Result<std::size_t> receive(std::string& out) {
    char octets[16 << 10];
    while (true) {
      const ssize_t got = ::recv(socket_, octets, sizeof octets, 0);
      if (got >= 0) {
        out.append(octets, static_cast<std::size_t>(got));
        return static_cast<std::size_t>(got);
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return unreachable("no answer");
      if (!wait(POLLIN)) return too_slow();
    }
  }

 private:
  bool wait(short what) const {
    while (true) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until_ - SteadyClock::now()).count();
      if (left <= 0) return false;
      pollfd waiting{socket_, what, 0};
      const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

  const int socket_;
  SteadyClock::time_point until_{};
};

std::string request_of(const AdminCall& call) {
  // localhost is a Host every admin port trusts, by whatever address it was reached.
  std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                                    call.method, call.target);
  if (!call.token.empty()) request += fmt::format("Authorization: Bearer {}\r\n", call.token);
  if (!call.body.empty()) request += "Content-Type: application/json\r\n";
  if (call.method != "GET") request += fmt::format("Content-Length: {}\r\n", call.body.size());
  return request + "\r\n" + std::string(call.body);
}

Result<AdminReply> read_reply(Peer& peer, std::string_view method) {
  std::string received;
  http::HeadScanner scanner(kLimits);
  std::size_t head_size = 0;
  while (head_size == 0) {
    const auto got = peer.receive(received);
    if (!got) return got.error();
    if (*got == 0) return unreachable("no answer");
    const auto found = scanner.find_end(received);
    if (!found) return odd("what answers doesn't speak HTTP");
    head_size = *found;
  }
  http::ResponseHead head;
  if (!http::parse_response(std::string_view(received).substr(0, head_size), method, kLimits,
                            head)) {
    return odd("what answers doesn't speak HTTP");
  }
  AdminReply reply;
  reply.status = head.status;
  // From here on only the framing counts, so the buffer that `head` looks into may go.
  http::BodyReader body(head.framing, head.content_length);
  received.erase(0, head_size);
  while (!body.done()) {
    std::string_view input = received;
    for (bool more = true; more && !body.done();) {
      const auto step = body.next(input);
      if (step.what == http::BodyReader::What::broken) return odd("its answer is broken");
      reply.body += step.data;
      more = step.what != http::BodyReader::What::need_more;
    }
    received.erase(0, received.size() - input.size());
    if (reply.body.size() > kMostOctets) return odd("its answer is larger than 64 MiB");
    if (body.done()) break;
    const auto got = peer.receive(received);
    if (!got) return got.error();
    if (*got != 0) continue;
    if (!body.complete_at_close()) return odd("its answer was cut short");
    break;
  }
  return reply;
}

Result<AdminReply> ask(Peer& peer, const AdminCall& call) {
  peer.give(call.answer_time);
  if (const auto sent = peer.send(request_of(call)); !sent) return sent.error();
  return read_reply(peer, call.method);
}

Result<AdminReply> ask_unix(const std::string& path, const AdminCall& call) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  Peer peer(AF_UNIX);
  peer.give(call.connect_time);
  const auto connected = peer.connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (!connected) return connected.error();
  return ask(peer, call);
}

// "message" or "code" of our error shape; else nothing.
std::string error_member(const AdminReply& reply, const char* name) {
  const auto json = nlohmann::json::parse(reply.body, nullptr, false);
  if (!json.is_object() || !json.contains("error") || !json["error"].is_object()) return {};
  const auto& error = json["error"];
  return error.contains(name) && error[name].is_string() ? error[name].get<std::string>()
                                                         : std::string();
}

CommandFailure explain(const std::string& address, const Error& error) {
  if (error.code == ErrorCode::invalid_config) {
    return {kExitUsage, fmt::format("'{}' is no address: {}", address, error.context)};
  }
  return {kExitUnavailable,
          fmt::format("the admin port at {} can't be asked: {}; is farebox running? Say where with "
                      "--admin-listen HOST:PORT or unix:PATH, or give its configuration with --config",
                      address, error.context)};
}

CommandFailure explain(const std::string& address, const AdminReply& reply, bool token_sent) {
  const std::string message = error_member(reply, "message");
  if (reply.status == 401) {
    return {kExitPermission,
            fmt::format("the admin port at {} {}; give it as FAREBOX_ADMIN_TOKEN in the "
                        "environment or as admin.token in the file of --config",
                        address, token_sent ? "has another token than the one that was sent"
                                            : "needs a token")};
  }
  if (message.empty()) {
    return {kExitUnavailable,
            fmt::format("what answers at {} is no admin port of farebox, it says {}; say where it is "
                        "with --admin-listen HOST:PORT",
                        address, reply.status)};
  }
  switch (reply.status) {
    case 400: return {kExitUsage, message};
    case 403: return {kExitPermission, message};
    case 409: return {kExitUsage, message};
    case 404:
      // "key_not_found": the path is known, what was named isn't.
      if (error_member(reply, "code").ends_with("_not_found")) return {kExitUsage, message};
      [[fallthrough]];
    case 405:
      return {kExitUnavailable,
              fmt::format("the farebox at {} is of another version: {}", address, message)};
    default: return {kExitUnavailable, message};
  }
}

}  // namespace

Result<AdminReply> ask_admin(const std::string& address, const AdminCall& call) {
  const auto parsed = parse_address(address);
  if (!parsed) return Error(ErrorCode::invalid_config, parsed.error().context);
  if (parsed->is_unix()) return ask_unix(parsed->path, call);
  // A wildcard is where to listen; this machine is asked on loopback.
  std::string host = parsed->host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(parsed->port).c_str(), &hints, &found) != 0) {
    return unreachable("its name can't be resolved");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  Error last = unreachable("its name can't be resolved");
  for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
    Peer peer(each->ai_family);
    peer.give(call.connect_time);
    if (const auto connected = peer.connect(each->ai_addr, each->ai_addrlen); !connected) {
      last = connected.error();
      continue;
    }
    return ask(peer, call);
  }
  return last;
}

CommandResult<std::string> admin_body(const AdminSettings& admin, AdminCall call) {
  call.token = admin.token.reveal();
  auto reply = ask_admin(admin.listen, call);
  if (!reply) return explain(admin.listen, reply.error());
  if (reply->status != 200 && reply->status != 201) return explain(admin.listen, *reply, !call.token.empty());
  return std::move(reply->body);
}

void append_query(std::string& target, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += name;
  target += '=';
  for (const char c : value) {
    // RFC 3986, 2.3: unreserved.
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      target += c;
    } else {
      target += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
}

}  // namespace farebox
