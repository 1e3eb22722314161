// Lookup: how one call stands to the cache, from its look-up to what is kept of its answer.
#pragma once

#include <memory>
#include <string>

#include "policy/cache_rules.hpp"
#include "proxy/answer_desk.hpp"
#include "proxy/dialect/body_digest.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox {

struct Lookup {
  Lookup() = default;
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  // Whoever waits for this call asks by itself.
  ~Lookup() { land(); }

  // How it may use the cache.
  AnswerDesk* desk = nullptr;
  AnswerCache* cache = nullptr;
  CacheWish wish;
  CacheRule rule;
  BodyDigest body;
  AnswerKey key{};
  AnswerKey whole_key{};     // of the same answer that doesn't stream, if this one does
  bool streams = false;      // it asks for a stream
  std::uint64_t epoch = 0;   // among invalidations, when it was looked up
  std::string provider, model;  // that it was looked up for
  std::uint64_t max_output = 0;  // what the caller said

  // What there is for it.
  SharedAnswer answer;        // kept, or of a call that ran beside it
  CacheTier tier = CacheTier::memory;
  bool stale = false;         // `answer` is good for when the provider fails, or is given anyway
  bool revalidate = false;    // `answer` is given although it is stale, and asked for again
  std::uint16_t status = 200;
  Seat seat;                  // in a call that runs
  bool coalesced = false;     // `answer` or `seat` are another call's

  // Its own call, which others may wait for.
  std::shared_ptr<Flight> flight;
  bool listed = false;  // others can find it

  // Is there an answer that the caller gets now?
  bool gives() const { return (answer != nullptr && !stale) || static_cast<bool>(seat); }

  void land() {
    if (!flight) return;
    flight->unwatch();
    if (listed) desk->flights().close(key, *flight);
    flight->end_broken();
    flight.reset();
  }
};

namespace stages {

// Is there a cache, or does the caller speak of one? Else nothing is to be looked up, and most calls
// needn't wait to hear it.
inline bool may_look_up(const Services& services, const http::RequestHead& head) {
  return services.settings.cache.enabled || head.has("x-farebox-cache");
}

// look up: an answer that is kept, or a seat in an identical call that runs; or this call is the
// one that others wait for. `lookup` stays null where no cache is in use. Errors: bad_request,
// not_cached, client_closed, and those of the call it waited for.
awaitable<Result<void>> look_up(ClientConnection& client, const http::RequestHead& head, Call& call,
                                const Caller& caller, std::unique_ptr<Lookup>& lookup);

// The provider failed: may the caller have an old answer instead? Then it is in `lookup`.
bool takes_stale(const Error& error, int status, ClientConnection& client, Call& call,
                 const Lookup* lookup);

// The octets of the same request once more, for an errand; `how`: what x-farebox-cache says beside
// the caller's own wish.
std::string request_again(const http::RequestHead& head, const Call& call, const Lookup& lookup,
                          std::string_view how);

// The fields of a provider's head that belong to its answer, each with its CRLF.
std::string kept_fields(const http::ResponseHead& head);

// give: the answer that was found. Of one that still runs, octets pass as they come; returns with
// the last of them unsent, as relay does.
awaitable<void> give(ClientConnection& client, const http::RequestHead& head, const Call& call,
                     Lookup& lookup, Relayed& result);

// A budget made of the call what its caller didn't ask for: nobody else gets its answer.
void part_if_changed(Call& call, Lookup* lookup);

// keep: what may be given again is kept, and whoever waited for it is told how it ended.
void keep(ClientConnection& client, const Call& call, const http::ResponseHead& answer,
          const Relayed& relayed, const Error& error, int status, const Record& record,
          Lookup& lookup);

// The record says what the cache had to do with it.
void note_cache(const Lookup& lookup, bool given, Record& record);

}  // namespace stages
}  // namespace farebox
