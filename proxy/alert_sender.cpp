#include "proxy/alert_sender.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "proxy/alert_body.hpp"
#include "proxy/curl_library.hpp"
#include "proxy/text_table.hpp"

namespace farebox {
namespace {

using Kind = AlertChannel::Kind;
using Sent = AlertQueue::Result;

constexpr std::chrono::milliseconds kConnectTime{5'000};
// What is kept of an answer, for people; and what is read of it at all.
constexpr std::size_t kShown = 200, kMostRead = 64 << 10;

struct Exchange {
  const AlertChannel& channel;
  const std::atomic<bool>& stop;
  std::string_view unsent;
  std::string answer;
  std::size_t read = 0;
  bool refused_address = false;
};

std::size_t on_answer(char* octets, std::size_t, std::size_t count, void* its) {
  Exchange& exchange = *static_cast<Exchange*>(its);
  exchange.read += count;
  exchange.answer.append(octets, std::min(count, kShown - std::min(kShown, exchange.answer.size())));
  return exchange.read > kMostRead ? 0 : count;
}

std::size_t on_send(char* octets, std::size_t size, std::size_t count, void* its) {
  Exchange& exchange = *static_cast<Exchange*>(its);
  const std::size_t piece = std::min(size * count, exchange.unsent.size());
  exchange.unsent.copy(octets, piece);
  exchange.unsent.remove_prefix(piece);
  return piece;
}

int on_progress(void* its, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(its)->stop.load() ? 1 : 0;
}

// What is checked here is what is connected to: no name can change in between.
curl_socket_t on_socket(void* its, curlsocktype, curl_sockaddr* address) {
  Exchange& exchange = *static_cast<Exchange*>(its);
  if (!exchange.channel.allow_link_local && is_link_local(address->addr)) {
    exchange.refused_address = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// A library's or a receiver's words, without what nobody may read.
std::string without_secrets(std::string text, const AlertChannel& channel) {
  const std::string_view url = channel.url.reveal();
  const std::size_t host = url.find("://");
  const std::size_t path = host == url.npos ? url.npos : url.find('/', host + 3);
  const std::string_view secrets[] = {url, path == url.npos ? std::string_view() : url.substr(path),
                                      channel.secret.reveal(), channel.password.reveal()};
  for (const std::string_view secret : secrets) {
    if (secret.size() < 4) continue;
    for (std::size_t at = text.find(secret); at != text.npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), "***");
    }
  }
  return printable(text);
}

struct Handles {
  const CurlLibrary& curl;
  CURL* easy;
  curl_slist* headers = nullptr;
  curl_slist* proxy_headers = nullptr;
  curl_slist* recipients = nullptr;

  explicit Handles(const CurlLibrary& its) : curl(its), easy(its.easy_init()) {}
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles() {
    if (easy != nullptr) curl.easy_cleanup(easy);
    for (curl_slist* const list : {headers, proxy_headers, recipients}) {
      if (list != nullptr) curl.slist_free_all(list);
    }
  }

  template <class Value>
  void set(CURLoption option, Value value) {
    curl.easy_setopt(easy, option, value);
  }
  void add(curl_slist*& list, const std::string& line) {
    list = curl.slist_append(list, line.c_str());
  }
};

void set_trust(Handles& handles, const AlertChannel& channel) {
  handles.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  const char* const file = std::getenv("SSL_CERT_FILE");
  const char* const directory = std::getenv("SSL_CERT_DIR");
  if (!channel.ca_file.empty()) {
    handles.set(CURLOPT_CAINFO, channel.ca_file.c_str());
    handles.set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    return;
  }
  if (file != nullptr && *file != '\0') handles.set(CURLOPT_CAINFO, file);
  if (directory != nullptr && *directory != '\0') handles.set(CURLOPT_CAPATH, directory);
}

void set_web(Handles& handles, const AlertChannel& channel, const AlertMessage& message) {
  handles.set(CURLOPT_PROTOCOLS_STR, "http,https");
  handles.set(CURLOPT_URL, std::string(channel.url.reveal()).c_str());
  handles.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  handles.set(CURLOPT_POST, 1L);
  handles.set(CURLOPT_POSTFIELDS, message.body.c_str());
  handles.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(message.body.size()));
  for (const std::string& header : message.headers) handles.add(handles.headers, header);
  handles.add(handles.headers, "Expect:");
  handles.set(CURLOPT_HTTPHEADER, handles.headers);
  // Empty: none, whatever the environment says.
  std::string proxy;
  if (channel.proxy) {
    proxy = (channel.proxy->tls ? "https://" : "http://") + shown(*channel.proxy);
    if (!channel.proxy->authorization.empty()) {
      handles.add(handles.proxy_headers,
                  fmt::format("Proxy-Authorization: {}", channel.proxy->authorization.reveal()));
      handles.set(CURLOPT_PROXYHEADER, handles.proxy_headers);
    }
    handles.set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
  }
  handles.set(CURLOPT_PROXY, proxy.c_str());
}

void set_mail(Handles& handles, const AlertChannel& channel, Exchange& exchange) {
  const bool tls = channel.security == AlertChannel::Security::tls;
  const bool v6 = channel.smtp_host.find(':') != std::string::npos;
  const std::string url = fmt::format("{}://{}{}{}:{}", tls ? "smtps" : "smtp", v6 ? "[" : "",
                                      channel.smtp_host, v6 ? "]" : "", channel.smtp_port);
  handles.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  handles.set(CURLOPT_URL, url.c_str());
  handles.set(CURLOPT_PROXY, "");
  const bool starttls = channel.security == AlertChannel::Security::starttls;
  // All or nothing: a password never goes out where the server doesn't offer TLS.
  handles.set(CURLOPT_USE_SSL, static_cast<long>(starttls || tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  if (!channel.username.empty()) {
    handles.set(CURLOPT_USERNAME, channel.username.c_str());
    handles.set(CURLOPT_PASSWORD, std::string(channel.password.reveal()).c_str());
  }
  handles.set(CURLOPT_MAIL_FROM, fmt::format("<{}>", channel.from).c_str());
  for (const std::string& to : channel.to) handles.add(handles.recipients, fmt::format("<{}>", to));
  handles.set(CURLOPT_MAIL_RCPT, handles.recipients);
  handles.set(CURLOPT_UPLOAD, 1L);
  handles.set(CURLOPT_READFUNCTION, &on_send);
  handles.set(CURLOPT_READDATA, static_cast<void*>(&exchange));
}

SendReport judge(const Handles& handles, const Exchange& exchange, CURLcode code,
                 const char* words) {
  const AlertChannel& channel = exchange.channel;
  long status = 0;
  handles.curl.easy_getinfo(handles.easy, CURLINFO_RESPONSE_CODE, &status);
  const bool mail = channel.kind == Kind::email;
  if (exchange.refused_address) {
    return {Sent::refused, "its address is link-local, where clouds answer with credentials; set "
                             "allow_link_local: true if it is meant"};
  }
  // A long answer is cut short by us; its status counts.
  const bool answered = code == CURLE_OK || (code == CURLE_WRITE_ERROR && exchange.read > kMostRead);
  if (!answered) {
    const bool refused = mail && status >= 500 && status < 600 && code != CURLE_LOGIN_DENIED;
    std::string why = *words != '\0' ? words : handles.curl.easy_strerror(code);
    if (mail && status != 0) why += fmt::format(" (SMTP {})", status);
    return {refused ? Sent::refused : Sent::failed, without_secrets(std::move(why), channel)};
  }
  if (mail || (status >= 200 && status < 300)) return {Sent::delivered, {}};
  std::string why = fmt::format("it answered {}", status);
  if (status >= 300 && status < 400) why += ", a redirect, which isn't followed; write its target into the configuration";
  if (!exchange.answer.empty()) why += ": " + exchange.answer;
  const bool later = status >= 500 || status == 408 || status == 425 || status == 429;
  return {later ? Sent::failed : Sent::refused, without_secrets(std::move(why), channel)};
}

}  // namespace

bool is_link_local(const sockaddr& address) {
  in6_addr v6{};
  std::uint32_t v4 = 0;
  if (address.sa_family == AF_INET) {
    v4 = ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr);
  } else if (address.sa_family == AF_INET6) {
    v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    // fe80::/10, and where a cloud answers inside fd00::/8.
    static constexpr unsigned char kAws[16] = {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0,
                                               0,    0,    0,    0,    0, 0, 0x02, 0x54};
    if (IN6_IS_ADDR_LINKLOCAL(&v6) || std::memcmp(&v6, kAws, sizeof kAws) == 0) return true;
    if (!IN6_IS_ADDR_V4MAPPED(&v6)) return false;
    std::memcpy(&v4, v6.s6_addr + 12, sizeof v4);
    v4 = ntohl(v4);
  } else {
    return true;  // no other family is meant
  }
  // 169.254.0.0/16, and 100.100.100.200, where another cloud answers.
  return v4 >> 16 == 0xA9FE || v4 == 0x646464C8;
}

SendReport send_alert(const AlertChannel& channel, const StoredAlert& alert, AlertNews news,
                      WallTime now, std::chrono::milliseconds time, const std::atomic<bool>& stop) {
  const auto curl = CurlLibrary::load();
  if (!curl) return {Sent::failed, curl.error().context};
  const AlertMessage message = alert_message(channel, alert, news, now);
  Exchange exchange{channel, stop, message.body, {}, 0, false};
  char words[CURL_ERROR_SIZE] = "";
  Handles handles(**curl);
  if (handles.easy == nullptr) return {Sent::failed, "libcurl has no memory left"};
  handles.set(CURLOPT_ERRORBUFFER, static_cast<char*>(words));
  handles.set(CURLOPT_NOSIGNAL, 1L);
  handles.set(CURLOPT_FOLLOWLOCATION, 0L);
  handles.set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  handles.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(kConnectTime, time).count()));
  handles.set(CURLOPT_TIMEOUT_MS, static_cast<long>(time.count()));
  handles.set(CURLOPT_WRITEFUNCTION, &on_answer);
  handles.set(CURLOPT_WRITEDATA, static_cast<void*>(&exchange));
  handles.set(CURLOPT_OPENSOCKETFUNCTION, &on_socket);
  handles.set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&exchange));
  handles.set(CURLOPT_NOPROGRESS, 0L);
  handles.set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  handles.set(CURLOPT_XFERINFODATA, static_cast<void*>(&exchange));
  set_trust(handles, channel);
  if (channel.kind == Kind::email) set_mail(handles, channel, exchange);
  else set_web(handles, channel, message);
  const CURLcode code = (*curl)->easy_perform(handles.easy);
  return judge(handles, exchange, code, words);
}

}  // namespace farebox
