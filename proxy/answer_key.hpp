// AnswerKey: what sets one call's answer apart from every other's: who asks whom for what.
//
// Tenants come first: two of them never have a key in common, whatever they ask. Nothing of what
// goes in can be got out of it again.
#pragma once

#include <string>
#include <string_view>

#include "proxy/dialect/body_digest.hpp"
#include "proxy/stages/stages.hpp"
#include "storage/answer.hpp"

namespace farebox {

// Whose answers and batches are whose: one text for each tenant. Without a virtual key the
// caller's own credentials say who it is. Only a key's own project and organisation are shared
// by: what headers claim of them proves nothing.
std::string tenant_of(const Call& call, const Caller& caller, const http::RequestHead& head,
                      Sharing share);

// `streams`: the answer is a stream of events.
AnswerKey answer_key(std::string_view tenant, const Call& call, const http::RequestHead& head,
                     const BodyDigest& body, bool streams);

// "{provider}/{endpoint}/{model}": what patterns are matched with.
std::string answer_name(const Call& call);

}  // namespace farebox
