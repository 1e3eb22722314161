// batch: embedding calls that ask a provider for the same go to it as one.
#pragma once

#include "proxy/batch_desk.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// Does this call go with others, as far as its head tells?
inline bool may_batch(const Call& call) {
  return call.route.endpoint == Endpoint::embeddings &&
         call.provider->settings.batch_embeddings.enabled;
}

// batch: waits for others that go the same way, and comes back with this call's own part of what
// they were all answered, as relay does; false: it goes by itself. The bool of an error is for
// `send`'s errors, each of which every call of the batch gets.
awaitable<Result<bool>> batch(ClientConnection& client, const http::RequestHead& head, Call& call,
                              const Caller& caller, Hold& hold, Record& record,
                              std::vector<AttemptRecord>& attempts, Passage& passage,
                              Attempt& attempt, Relayed& relayed);

}  // namespace farebox::stages
