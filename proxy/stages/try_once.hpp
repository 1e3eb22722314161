// TryOnce: the request goes out over one connection, and the head of an answer comes back.
#pragma once

#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// Is all of the request here, so that it can be sent again?
bool is_whole(const http::RequestHead& head, const Call& call);

// May it run twice? A call to a model changes nothing at its provider.
bool may_repeat(std::string_view method, Endpoint endpoint);

// One try. A stale pooled connection is replaced, and a server that refuses the field we spliced
// gets the request as it came; each is a row of its own in `attempts`. `held`: the hold is for
// this try already; `passage` names the key. An answer of any status is in `answered`; errors are those of `send`.
awaitable<Result<void>> try_once(ClientConnection& client, const http::RequestHead& head,
                                 Call& call, Hold& hold, Record& record,
                                 std::vector<AttemptRecord>& attempts, Passage& passage,
                                 Attempt& answered, bool held);

}  // namespace farebox::stages
