// What is sent to a channel: the shape that its receiver wants. Plain functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/alert_document.hpp"

namespace farebox {

struct AlertMessage {
  std::vector<std::string> headers;  // "name: value"; none of a mail, whose body has them
  std::string body;
};

// Of any kind. `webhook` is signed where it has a secret:
//   x-farebox-signature: t=UNIX_SECONDS,v1=HEX     the HMAC-SHA256 of "UNIX_SECONDS.BODY"
//   x-farebox-alert-id: ID                         "ID-resolved" of its end
// The id is the same on every attempt, so that a receiver can drop a repeat.
AlertMessage alert_message(const AlertChannel& channel, const StoredAlert& alert, AlertNews news,
                           WallTime now);

// "t=...,v1=..."
std::string alert_signature(std::string_view secret, std::string_view body, WallTime now);

}  // namespace farebox
