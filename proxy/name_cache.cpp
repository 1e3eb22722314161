#include "proxy/name_cache.hpp"

#include <netdb.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <thread>

namespace farebox {
namespace {

namespace asio = boost::asio;
using Endpoint = asio::ip::tcp::endpoint;

// What a name server says may be long; more than this is never tried.
constexpr std::size_t kMostAddresses = 32;

boost::system::error_code error_of(int code) {
  switch (code) {
    case EAI_AGAIN: return asio::error::host_not_found_try_again;
    case EAI_FAIL: return asio::error::no_recovery;
    case EAI_MEMORY: return asio::error::no_memory;
    case EAI_SYSTEM: return {errno, boost::system::system_category()};
    default: return asio::error::host_not_found;
  }
}

template <class List>
bool holds(const List& list, const Endpoint& address) {
  return std::find(list.begin(), list.end(), address) != list.end();
}

}  // namespace

NameAnswer ask_system(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  NameAnswer answer;
  if (const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); failed != 0) {
    answer.error = error_of(failed);
    return answer;
  }
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Endpoint address;
    if (each->ai_addrlen > address.capacity()) continue;
    address.resize(each->ai_addrlen);
    std::memcpy(address.data(), each->ai_addr, each->ai_addrlen);
    if (!holds(answer.addresses, address)) answer.addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  return answer;
}

std::shared_ptr<NameCache> NameCache::make(std::string host, const std::string& port,
                                           Duration refresh, NameQuestion ask) {
  const std::shared_ptr<NameCache> names(
      new NameCache(std::move(host), port, refresh, std::move(ask)));
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(names->host_, ec);
  if (ec) return names;
  names->literal_ = true;
  names->answer_ = 1;
  names->addresses_.emplace_back(address, static_cast<std::uint16_t>(std::stoul(port)));
  return names;
}

NameCache::Known NameCache::look(SteadyTime now, Wish wish) {
  const std::lock_guard lock(mutex_);
  if (!literal_ && !asking_) {
    // After a question that failed it is not waited for `refresh` before the next.
    const Duration pause = wish == Wish::newer || error_ || addresses_.empty()
                               ? std::min(kLeastPause, refresh_)
                               : refresh_;
    if (!asked_ || now - asked_at_ >= pause) begin_question(now);
  }
  Known known;
  known.addresses = addresses_;
  known.answer = answer_;
  known.asking = asking_;
  known.error = error_;
  std::erase_if(failures_, [&](const Failure& each) { return now - each.at >= kShunned; });
  for (const Failure& each : failures_) known.failed_lately.push_back(each.address);
  return known;
}

void NameCache::begin_question(SteadyTime now) {
  asked_ = asking_ = true;
  asked_at_ = now;
  try {
    std::thread([self = shared_from_this()] { self->take(self->ask_(self->host_, self->port_)); })
        .detach();
  } catch (const std::system_error&) {
    // No thread to be had: the next one who looks tries again.
    asking_ = false;
    error_ = asio::error::host_not_found_try_again;
  }
}

void NameCache::take(NameAnswer answer) {
  const std::lock_guard lock(mutex_);
  asking_ = false;
  error_ = answer.error;
  if (!error_ && answer.addresses.empty()) error_ = asio::error::host_not_found;
  if (!error_) {
    if (answer.addresses.size() > kMostAddresses) answer.addresses.resize(kMostAddresses);
    addresses_ = std::move(answer.addresses);
    ++answer_;
    std::erase_if(failures_,
                  [&](const Failure& each) { return !holds(addresses_, each.address); });
  }
  for (const Watcher& each : watchers_) each.tell();
}

void NameCache::watch(const void* who, std::function<void()> tell) {
  const std::lock_guard lock(mutex_);
  watchers_.push_back({who, std::move(tell)});
}

void NameCache::forget(const void* who) {
  const std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [who](const Watcher& each) { return each.who == who; });
}

void NameCache::note_failed(const Endpoint& address, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (!holds(addresses_, address)) return;
  std::erase_if(failures_, [&](const Failure& each) { return each.address == address; });
  failures_.push_back({address, now});
}

void NameCache::note_worked(const Endpoint& address) {
  const std::lock_guard lock(mutex_);
  std::erase_if(failures_, [&](const Failure& each) { return each.address == address; });
}

}  // namespace farebox
