// batch: embedding calls that ask a provider for the same go to it as one.
//
// Each call has its own hold and its own record. Whoever came first sends for all, with all that
// sending has (breaker, keys, retries), and shares out what comes back; a call that can't be
// answered so goes by itself, as if there had been no batch.
#include "proxy/stages/batch.hpp"

#include <algorithm>

#include "config/tokenizer.hpp"
#include "policy/tokens/json_text.hpp"
#include "proxy/answer_key.hpp"
#include "proxy/headers.hpp"
#include "proxy/http/unchunk.hpp"
#include "proxy/metering.hpp"
#include "proxy/stages/send_request.hpp"
#include "proxy/worker.hpp"

namespace farebox::stages {
namespace {

void add(std::string& out, std::string_view part) {
  out += std::to_string(part.size());
  out += ':';
  out += part;
}

// Whose calls may go with this one: of one tenant, to one place, saying the same but the input.
Digest key_of(const http::RequestHead& head, const Call& call, const Caller& caller,
              const EmbeddingCall& input, Sharing share) {
  // What its head says to the provider is as good as what its body says.
  BodyDigest body;
  body.digest = input.group;
  const AnswerKey same = answer_key(tenant_of(call, caller, head, share), call, head, body, false);
  std::string all;
  add(all, "farebox batch 1");
  add(all, std::string_view(reinterpret_cast<const char*>(same.data()), same.size()));
  return sha256(all);
}

constexpr std::size_t kMostBody = 1 << 20;
// An input that may be longer than models take (some 8,000 tokens) would spoil a batch.
constexpr std::size_t kMostInput = 32 << 10;
// Counting takes a worker some microseconds a KiB.
constexpr std::size_t kMostCounted = 16 << 10;

// The tokens of an input: its own, where it is tokens or the model's tokenizer is known.
std::uint64_t weight_of(ClientConnection& client, const Call& call, const EmbeddingCall& input) {
  const TokenizerOf* const tokenizer = tokenizer_of(call.model);
  if (input.input.empty() || input.input.front() != '"' || tokenizer == nullptr ||
      input.input.size() > kMostCounted) {
    return input.most_tokens;
  }
  TokenCounter* const counter = client.worker().token_counter(tokenizer->encoding);
  if (counter == nullptr) return input.most_tokens;
  return count_json_string(*counter, input.input.substr(1, input.input.size() - 2));
}

// A whole answer's content, without chunks. Nothing: it isn't whole.
std::optional<std::string> content_of(const Relayed& relayed) {
  if (!relayed.whole) return std::nullopt;
  if (!relayed.head_in_chunks) return relayed.tail;
  return http::unchunk(relayed.tail);
}

// This call's answer, as if it had come for it alone.
void deliver(ClientConnection& client, const http::RequestHead& head, const Call& call,
             const http::ResponseHead& answer, std::string content, std::uint32_t tries,
             Relayed& relayed) {
  auto reader = call.provider->dialect.reader(call.route, call.facts);
  reader->head(answer);
  reader->feed(content);
  relayed.reading = reader->finish();
  relayed.keep_alive = head.keep_alive && call.body_reader.done() && !client.draining();
  relayed.head.clear();
  const OutgoingFraming framing{http::Framing::length, content.size()};
  write_response_head(relayed.head, {answer, *call.provider, head.method, framing, call.request_id,
                                     tries, head.minor_version, !relayed.keep_alive, call.notes});
  relayed.head_in_chunks = false;
  relayed.outbox.reset();
  relayed.tail = std::move(content);
  relayed.whole = true;
  relayed.outcome = Outcome::ok;
  relayed.error = Error();
  relayed.first_octet = relayed.last_octet = client.now();
  if (client.left()) {
    relayed.outcome = Outcome::client_closed;
    relayed.keep_alive = false;
  }
}

// What several were answered is billed and serves nobody: it costs what was held, and the call by
// itself is held for once more.
awaitable<Result<bool>> pay_and_go_on(ClientConnection& client, const Call& call, Hold& hold,
                                      std::vector<AttemptRecord>& attempts, Record& record) {
  AttemptRecord& row = attempts.back();
  row.over = true;
  row.cost = hold.each;
  row.priced = hold.priced;
  const auto held = co_await hold_again(client, call, hold, attempts, record);
  if (!held) co_return held.error();
  co_return false;
}

// One of several waits for what the first was answered.
awaitable<Result<bool>> wait_for_part(ClientConnection& client, const http::RequestHead& head,
                                      Call& call, Hold& hold, Record& record, BatchSeat& seat,
                                      std::vector<AttemptRecord>& attempts, Attempt& attempt,
                                      Relayed& relayed) {
  // Its input is on the way and will be billed, so whoever left waits for it too.
  const auto note_unanswered = [&] {
    if (seat.state() != Batch::State::sent) return;
    AttemptRecord& row = attempts.emplace_back();
    row.provider = call.provider->settings.name;
    row.model = call.model;
    row.outcome = Outcome::timeout;
    row.sent = true;
  };
  while (seat.state() == Batch::State::gathering || seat.state() == Batch::State::sent) {
    if (client.cut_off()) {
      note_unanswered();
      co_return Error(ErrorCode::draining);
    }
    if (client.now() >= call.deadline) {
      note_unanswered();
      co_return Error(ErrorCode::upstream_timeout, Fault::provider, Retry::unknown,
                      "the batch that this call went with took too long");
    }
    co_await client.wait(call.deadline);
  }
  const BatchResult& result = seat.result();
  if (seat.state() == Batch::State::apart) {
    if (!result.paid) co_return false;
    attempts = result.attempts;
    co_return co_await pay_and_go_on(client, call, hold, attempts, record);
  }
  attempts = result.attempts;
  if (result.head.empty()) co_return result.error;
  attempt.head_text = result.head;
  const auto parsed =
      http::parse_response(attempt.head_text, head.method, kResponseLimits, attempt.head);
  if (!parsed) co_return parsed.error();
  const std::string& content = result.parts.empty() ? result.refusal : result.parts[seat.index()];
  deliver(client, head, call, attempt.head, content, static_cast<std::uint32_t>(attempts.size()),
          relayed);
  co_return true;
}

// Until the batch is full, or nobody waits any longer for others; then until it may go.
awaitable<bool> gather(ClientConnection& client, const Call& call, BatchSeat& seat,
                       const EmbeddingBatchSettings& settings) {
  const SteadyTime closes = client.now() + settings.max_wait;
  const SteadyTime patience = std::min(call.patience, client.now() + std::chrono::seconds(10));
  while (!seat.full() && client.now() < closes && !client.cut_off()) co_await client.wait(closes);
  while (!client.cut_off() && client.now() < patience) {
    if (seat.begin(settings.max_concurrent)) co_return true;
    co_await client.wait(patience);
  }
  co_return false;
}

bool is_of_one_item(int status) { return status == 400 || status == 413 || status == 422; }

// The first of several sends for all.
awaitable<Result<bool>> send_for_all(ClientConnection& client, const http::RequestHead& head,
                                     Call& call, Hold& hold, Record& record, BatchSeat& seat,
                                     std::vector<AttemptRecord>& attempts, Passage& passage,
                                     Attempt& attempt, Relayed& relayed) {
  std::string own = std::exchange(call.body, seat.body());
  call.collects = true;
  auto sent = co_await send(client, head, call, hold, record, attempts, passage, attempt);
  if (sent) {
    const auto tries = static_cast<std::uint32_t>(attempts.size());
    co_await relay(client, head, call, attempt, tries, hold, record, relayed);
    note_end(client.now(), relayed, passage);
    if (relayed.reusable) {
      attempt.give_back();
    } else {
      attempt.drop();
    }
  }
  call.body = std::move(own);
  call.collects = false;
  passage.slot.leave();
  const std::vector<std::uint64_t> weights = seat.weights();
  BatchResult result;
  result.attempts = attempts;
  if (!sent) {
    // Who leads may have gone, or has other limits than they.
    const bool out = !attempts.empty() && attempts.back().sent;
    if (sent.error().fault == Fault::client || sent.error().code == ErrorCode::client_closed) {
      out ? seat.send_apart_paid(attempts) : seat.send_apart();
    } else {
      result.error = sent.error();
      seat.answer(std::move(result));
    }
    co_return sent.error();
  }
  const int status = attempt.head.status;
  std::optional<std::string> content = content_of(relayed);
  if (!content) {
    result.error = relayed.error;
    // Whoever leads may have gone, or waits no longer than it said.
    if (result.error.code == ErrorCode::none || result.error.code == ErrorCode::client_closed ||
        result.error.fault == Fault::client) {
      seat.send_apart_paid(attempts);
    } else {
      seat.answer(std::move(result));
    }
    co_return relayed.error;
  }
  const auto tries = static_cast<std::uint32_t>(attempts.size());
  result.head = attempt.head_text;
  if (status >= 200 && status < 300) {
    auto parts = split_embedding_reply(*content, weights);
    if (parts) {
      result.parts = *parts;
      std::string mine = std::move((*parts)[seat.index()]);
      seat.answer(std::move(result));
      deliver(client, head, call, attempt.head, std::move(mine), tries, relayed);
      co_return true;
    }
  } else if (!is_of_one_item(status)) {
    result.refusal = *content;
    seat.answer(std::move(result));
    deliver(client, head, call, attempt.head, std::move(*content), tries, relayed);
    co_return true;
  }
  relayed = Relayed();
  passage.pass = BreakerPass();
  passage.key = ProviderState::Key();
  if (status < 300) {
    // Nobody can tell whose is what.
    seat.keep_apart(client.now());
    seat.send_apart_paid(attempts);
    co_return co_await pay_and_go_on(client, call, hold, attempts, record);
  }
  // One of the inputs is at fault: each by itself.
  seat.send_apart();
  if (!attempts.empty()) attempts.back().over = true;
  co_return false;
}

}  // namespace

awaitable<Result<bool>> batch(ClientConnection& client, const http::RequestHead& head, Call& call,
                              const Caller& caller, Hold& hold, Record& record,
                              std::vector<AttemptRecord>& attempts, Passage& passage,
                              Attempt& attempt, Relayed& relayed) {
  const EmbeddingBatchSettings& settings = call.provider->settings.batch_embeddings;
  if (settings.max_size < 2 || call.priority == CallPriority::high || !call.buffered || head.method != "POST" ||
      call.body.size() > kMostBody) {
    co_return false;
  }
  const auto input = read_embedding_call(call.body);
  if (!input || input->most_tokens > settings.max_tokens || input->input.size() > kMostInput) {
    co_return false;
  }
  BatchSeat seat;
  BatchDesk& desk = client.services().answers.batches();
  if (desk.stays_alone(call.provider->settings.name, client.now())) co_return false;
  desk.join(seat, key_of(head, call, caller, *input, settings.share),
            call.provider->settings.name, *input, weight_of(client, call, *input), settings,
            client.worker().executor(), client.wake());
  if (!seat.leads()) {
    co_return co_await wait_for_part(client, head, call, hold, record, seat, attempts, attempt,
                                    relayed);
  }
  const SteadyTime began = client.now();
  const bool goes = co_await gather(client, call, seat, settings);
  if (!goes) co_return false;  // the seat sends the others apart
  const std::size_t size = seat.size();
  client.worker().metrics().count_batch(size, client.now() - began);
  if (size == 1) co_return false;
  co_return co_await send_for_all(client, head, call, hold, record, seat, attempts, passage,
                                  attempt, relayed);
}

}  // namespace farebox::stages
