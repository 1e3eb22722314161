// look up: what is kept, who asks for the same at this moment, and what may be kept of this call.
#include <fmt/format.h>

#include "proxy/answer_key.hpp"
#include "proxy/stages/lookup.hpp"
#include "proxy/stages/send_request.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

// A disk that takes longer is no faster than the provider.
constexpr std::chrono::milliseconds kDiskTime{500};

// A worker needs some milliseconds to read so much; a hostile one takes twenty.
constexpr std::size_t kMostBody = 1 << 20;

constexpr std::string_view kMissNote = "x-farebox-cache: miss\r\n";

// Its answer is made from its body alone, and comes as one.
bool is_kept_kind(const http::RequestHead& head, const Call& call) {
  if (head.method != "POST" || !call.buffered || call.facts.choices > 1 ||
      call.body.size() > kMostBody) {
    return false;
  }
  // Each of several prompts has choices of its own.
  if (call.route.endpoint == Endpoint::completions && call.facts.reach.inputs > 1) return false;
  switch (call.route.endpoint) {
    case Endpoint::unknown:
    case Endpoint::passthrough:
    case Endpoint::interactions:   // kept by the provider, and gone on with
    case Endpoint::conversations:
    case Endpoint::predictions:
    case Endpoint::realtime: return false;
    default: return true;
  }
}

bool is_deterministic(const Call& call, const BodyDigest& body) {
  switch (call.route.endpoint) {
    case Endpoint::embeddings:
    case Endpoint::embed:
    case Endpoint::embed_content:
    case Endpoint::moderations:
    case Endpoint::rerank:
    case Endpoint::classify:
    case Endpoint::count_tokens: return true;
    default: break;
  }
  // What a tool finds today it needn't find tomorrow.
  const BodyReach& reach = call.facts.reach;
  if (reach.tools.any() || reach.unknown_tools) return false;
  return body.temperature_zero || body.seeded;
}

bool stale_on_open(const Call& call) {
  return call.provider->settings.circuit_breaker.serve_stale_on_open;
}

// A client of HTTP/1.0 knows no chunks.
bool can_take(const http::RequestHead& head, const Answer& answer) {
  return !answer.chunked || head.minor_version >= 1;
}

// Takes what was found, if the caller may have it now.
bool take(const Services& services, const http::RequestHead& head, SharedAnswer answer,
          CacheTier tier, Lookup& lookup) {
  if (!answer || !can_take(head, *answer)) return false;
  const WallTime now = services.clock.wall_now();
  lookup.tier = tier;
  lookup.answer = std::move(answer);
  lookup.stale = now >= lookup.answer->expires;
  return !lookup.stale;
}

// One read of the cache's disk, from which the reader's thread comes back.
struct DiskRead {
  std::shared_ptr<WakeUp> wake;
  std::atomic<bool> done{false};
  SharedAnswer answer;  // once it is done
};

awaitable<void> read_from_disk(ClientConnection& client, const http::RequestHead& head,
                               Lookup& lookup) {
  const auto read = std::make_shared<DiskRead>();
  read->wake = std::make_shared<WakeUp>(client.worker().executor(), client.wake());
  const WakeUp::Watch watch(*read->wake);
  const WallTime now = client.services().clock.wall_now();
  lookup.cache->read(lookup.key, now, [read](SharedAnswer found) {
    read->answer = std::move(found);
    read->done.store(true, std::memory_order_release);
    WakeUp::tell(read->wake);
  });
  const SteadyTime until = client.now() + kDiskTime;
  while (!read->done.load(std::memory_order_acquire) && client.now() < until && !client.cut_off()) co_await client.wait(until);
  if (!read->done.load(std::memory_order_acquire)) co_return;
  take(client.services(), head, std::move(read->answer), CacheTier::disk, lookup);
}

enum class Beside : std::uint8_t {
  gives,   // there is something to give
  another, // another may lead
  broken,  // each asks for itself
};

// Waits until there is something to give, or to say.
awaitable<Result<Beside>> wait_beside(ClientConnection& client, const http::RequestHead& head,
                                    Call& call, Lookup& lookup) {
  using State = Flight::State;
  while (true) {
    const Seat::Look look = lookup.seat.look();
    switch (look.state) {
      case State::running:
        // A client of HTTP/1.0 knows no chunks.
        if (head.minor_version >= 1) co_return Beside::gives;
        lookup.seat.leave();
        co_return Beside::broken;
      case State::broken:
      case State::void_:
        lookup.seat.leave();
        co_return look.state == State::void_ ? Beside::another : Beside::broken;
      case State::failed: {
        Error error = lookup.seat.error();
        lookup.seat.leave();
        co_return error;
      }
      case State::whole:
      case State::refused: {
        // Of a stream that was longer than anybody keeps, the seat has what is left.
        const bool kept = look.answer && !look.answer->body.empty();
        if (!kept && lookup.streams && head.minor_version >= 1 && !look.lost) co_return Beside::gives;
        lookup.seat.leave();
        if (!kept || !can_take(head, *look.answer)) co_return Beside::broken;
        lookup.answer = look.answer;
        lookup.status = look.status;
        lookup.stale = false;
        co_return Beside::gives;
      }
      case State::waiting: break;
    }
    if (client.cut_off()) co_return Error(ErrorCode::draining);
    if (client.left()) co_return why_gone(client, call);
    if (client.now() >= call.patience) {
      co_return Error(ErrorCode::upstream_timeout, Fault::client, Retry::yes,
                      "the same call of another caller, which this one waited for, took too long");
    }
    co_await client.wait(call.patience);
  }
}

// Memory, then the disk.
awaitable<void> find_kept(ClientConnection& client, const http::RequestHead& head, Lookup& lookup) {
  const Services& services = client.services();
  const WallTime now = services.clock.wall_now();
  if (take(services, head, lookup.cache->find(lookup.key, now), CacheTier::memory, lookup)) {
    co_return;
  }
  if (lookup.answer || !lookup.cache->may_be_on_disk(lookup.key)) co_return;
  if (auto read = lookup.cache->read_at_once(lookup.key, now)) {
    take(services, head, std::move(*read), CacheTier::disk, lookup);
    co_return;
  }
  co_await read_from_disk(client, head, lookup);
}

void lead(ClientConnection& client, std::shared_ptr<Flight> flight, bool listed, Call& call,
          Lookup& lookup) {
  lookup.flight = std::move(flight);
  lookup.listed = listed;
  lookup.flight->watch(client.worker().executor(), client.wake());
  call.flight = lookup.flight.get();
}

}  // namespace

std::string request_again(const http::RequestHead& head, const Call& call, const Lookup& lookup,
                          std::string_view how) {
  const CacheWish& wish = lookup.wish;
  std::string field = fmt::format("x-farebox-priority: low\r\nx-farebox-cache: {}", how);
  if (wish.ttl) {
    field += fmt::format(" ttl={}", std::chrono::ceil<std::chrono::seconds>(*wish.ttl).count());
  }
  if (!wish.tags.empty()) field += fmt::format(" tags={}", fmt::join(wish.tags, ","));
  if (!wish.depends_on.empty()) {
    field += fmt::format("; depends-on={}", fmt::join(wish.depends_on, ","));
  }
  return errand_request(head, head.target, field + "\r\n",
                        call.asked_body ? *call.asked_body : call.body);
}

awaitable<Result<void>> look_up(ClientConnection& client, const http::RequestHead& head, Call& call,
                                const Caller& caller, std::unique_ptr<Lookup>& result) {
  const Services& services = client.services();
  const CacheSettings& settings = services.settings.cache;
  AnswerCache* const cache = services.answers.cache();
  const std::string_view said = head.value("x-farebox-cache");
  const bool possible = settings.enabled && cache != nullptr && is_kept_kind(head, call);
  if (!possible && said.empty()) co_return Result<void>();
  auto wish = parse_cache_wish(said);
  if (!wish) co_return wish.error();
  if (!possible && !wish->only) co_return Result<void>();
  if (!possible) {
    co_return Error(ErrorCode::not_cached, Fault::client, Retry::no,
                    "x-farebox-cache: only, and nothing is kept of calls like this one; is there a "
                    "cache: block?");
  }

  auto made = std::make_unique<Lookup>();
  Lookup& lookup = *made;
  lookup.wish = std::move(*wish);
  lookup.desk = &services.answers;
  lookup.cache = cache;
  const auto body = lookup.wish.bypass ? std::nullopt : digest_body(call.body, call.dialect);
  if (body) lookup.body = *body;
  const CacheFacts facts{body && !lookup.body.stateful, true,
                         body && is_deterministic(call, lookup.body)};
  const RouteCacheSettings* const route = call.rule == nullptr ? nullptr : &call.rule->cache;
  lookup.rule = cache_rule(settings, route, lookup.wish, facts, stale_on_open(call));
  if (lookup.rule.use == CacheUse::off) co_return Result<void>();
  result = std::move(made);
  if (lookup.rule.use == CacheUse::bypass) {
    if (lookup.wish.only) {
      co_return Error(ErrorCode::not_cached, Fault::client, Retry::no,
                      "x-farebox-cache: only, and calls like this one aren't kept; see "
                      "cache.deterministic_only");
    }
    call.notes += "x-farebox-cache: bypass\r\n";
    co_return Result<void>();
  }

  const std::string tenant = tenant_of(call, caller, head, settings.share);
  lookup.streams = call.route.stream || call.facts.stream;
  lookup.key = answer_key(tenant, call, head, lookup.body, lookup.streams);
  if (lookup.streams) lookup.whole_key = answer_key(tenant, call, head, lookup.body, false);
  lookup.epoch = cache->epoch();
  lookup.provider = call.provider->settings.name;
  lookup.model = call.model;
  lookup.max_output = call.facts.max_output_tokens;
  services.answers.repeated().note(lookup.key, call.body.size(), [&] {
    return request_again(head, call, lookup, "");
  });
  if (lookup.wish.refresh) {
    lead(client, std::make_shared<Flight>(settings.max_entry, lookup.epoch), false, call, lookup);
    call.notes += kMissNote;
    co_return Result<void>();
  }
  while (true) {
    co_await find_kept(client, head, lookup);
    if (lookup.gives()) co_return Result<void>();
    if (lookup.answer && client.services().clock.wall_now() <
                             lookup.answer->expires + lookup.rule.while_revalidate) {
      lookup.stale = false;
      lookup.revalidate = !lookup.wish.only;
      co_return Result<void>();
    }
    if (lookup.wish.only) {
      co_return Error(ErrorCode::not_cached, Fault::client, Retry::no,
                      "x-farebox-cache: only, and no answer to this call is kept");
    }
    if (!settings.merge) {
      lead(client, std::make_shared<Flight>(settings.max_entry, lookup.epoch), false, call, lookup);
      break;
    }
    Flights::Boarding boarding = services.answers.flights().board(
        lookup.key, settings.max_entry, lookup.epoch, client.worker().executor(), client.wake());
    if (boarding.led) {
      lead(client, std::move(boarding.led), true, call, lookup);
      // Whoever led before may have landed since this looked.
      if (take(services, head, cache->find(lookup.key, services.clock.wall_now()),
               CacheTier::memory, lookup)) {
        call.flight = nullptr;
        lookup.land();
        co_return Result<void>();
      }
      break;
    }
    lookup.seat = std::move(boarding.seat);
    const auto beside = co_await wait_beside(client, head, call, lookup);
    lookup.coalesced = true;
    if (!beside) co_return beside.error();
    if (*beside == Beside::gives) co_return Result<void>();
    lookup.coalesced = false;
    if (*beside == Beside::another) continue;
    // One after another they would wait for each other in vain.
    lead(client, std::make_shared<Flight>(settings.max_entry, lookup.epoch), false, call, lookup);
    break;
  }
  cache->count_miss();
  call.notes += kMissNote;
  co_return Result<void>();
}

bool takes_stale(const Error& error, int status, ClientConnection& client, Call& call,
                 const Lookup* lookup) {
  if (lookup == nullptr || !lookup->answer || !lookup->stale) return false;
  const bool failed = status >= 500 || status == 429 || error.code == ErrorCode::circuit_open ||
                      error.code == ErrorCode::upstream_unreachable ||
                      error.code == ErrorCode::upstream_invalid ||
                      error.code == ErrorCode::upstream_timeout ||
                      error.code == ErrorCode::overloaded;
  if (!failed) return false;
  const bool open = error.code == ErrorCode::circuit_open;
  const WallTime until = open ? lookup->answer->kept
                              : lookup->answer->expires + lookup->rule.if_error;
  if (client.services().clock.wall_now() >= until) return false;
  // It was a miss until now.
  const std::size_t note = call.notes.find(kMissNote);
  if (note != std::string::npos) call.notes.erase(note, kMissNote.size());
  return true;
}

void part_if_changed(Call& call, Lookup* lookup) {
  if (lookup == nullptr || !lookup->flight) return;
  if (call.model == lookup->model && call.facts.max_output_tokens == lookup->max_output) return;
  if (lookup->listed) {
    lookup->desk->flights().close(lookup->key, *lookup->flight);
    lookup->flight->end_void();
  }
  call.flight = nullptr;
  lookup->land();
}

void note_cache(const Lookup& lookup, bool given, Record& record) {
  if (lookup.rule.use == CacheUse::bypass) {
    record.cache = "bypass";
  } else if (!given) {
    record.cache = "miss";
  } else {
    record.cache = lookup.coalesced ? "coalesced" : "hit";
  }
  if (!given) return;
  if (lookup.coalesced) lookup.desk->coalesced.fetch_add(1, std::memory_order_relaxed);
  if (!lookup.answer || !lookup.answer->priced) return;
  record.saved = lookup.answer->saved;
  lookup.desk->note_saved(*lookup.answer);
}

}  // namespace farebox::stages
