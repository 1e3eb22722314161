// The right to ask a provider now: a slot of the calls it takes at once, and a key that doesn't
// rest. Steps of `send`, in this order; errors leave the slot.
#pragma once

#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// A slot, or a place in the queue for one: then it is waited for.
Result<void> enter(ClientConnection& client, const http::RequestHead& head, Call& call,
                   const Record& record, Passage& passage);
awaitable<Result<void>> wait_in_queue(ClientConnection& client, Call& call, Passage& passage);

// False: it rests, and it is worth to wait for it.
bool take_key(ClientConnection& client, const Call& call, Passage& passage);

// All keys are used up. Who can wait for the first does, without a slot that others could use;
// else the provider says how long, if it hasn't yet: what counts is the model, and there may be
// something left for this one.
awaitable<Result<void>> wait_for_key(ClientConnection& client, const http::RequestHead& head,
                                     Call& call, const Record& record, Passage& passage);

// Until then, or until nobody waits any more.
awaitable<Result<void>> pause(ClientConnection& client, SteadyTime until);

}  // namespace farebox::stages
