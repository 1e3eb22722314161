// Sending one alert to one channel, once. Blocks for up to the time it is given: never on a
// worker. Thread-safe.
//
// Only addresses of the configuration are connected to; link-local ones, where clouds answer
// with credentials, only where the channel allows it, whatever a name resolves to. Redirects
// aren't followed.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "policy/alert_queue.hpp"
#include "proxy/alert_document.hpp"

struct sockaddr;

namespace farebox {

struct SendReport {
  AlertQueue::Result result = AlertQueue::Result::failed;
  std::string why;  // of a failure; without the URL or another secret
};

// `stop`: becomes true when it should end early.
SendReport send_alert(const AlertChannel& channel, const StoredAlert& alert, AlertNews news,
                      WallTime now, std::chrono::milliseconds time, const std::atomic<bool>& stop);

// Addresses that no channel is connected to, unless it says so.
bool is_link_local(const sockaddr& address);

}  // namespace farebox
