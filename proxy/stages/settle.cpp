// settle: what was used, what it cost, and the record of it. Exactly once.
#include <algorithm>
#include <utility>

#include "config/hidden_output.hpp"
#include "config/price_place.hpp"
#include "policy/price_factor.hpp"
#include "proxy/charge.hpp"
#include "proxy/dialect/complete_usage.hpp"
#include "proxy/stages/stages.hpp"

namespace farebox::stages {
namespace {

// No model thinks faster than the fastest chips make tokens.
constexpr Tokens kTokensPerMillisecond = 3;

constexpr std::size_t kMaxName = 256;  // octets of a model's name that a record keeps

std::uint32_t milliseconds_between(SteadyTime from, SteadyTime to) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count()));
}

Tokens most_made_in(SteadyTime::duration time) {
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return static_cast<Tokens>(std::max<std::int64_t>(whole, 1)) * kTokensPerMillisecond;
}

// Answers of these have no tokens, however long they are.
bool makes_tokens(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::embeddings:
    case Endpoint::embed:
    case Endpoint::embed_content:
    case Endpoint::rerank:
    case Endpoint::classify: return false;
    default: return true;
  }
}

// When usage never came: what was counted, else the octets, since no tokenizer makes more
// tokens than there are octets. Never zero where something was sent. `unseen` is what the
// provider may have made that never arrived; with `held` it stays within the hold.
Usage estimated_usage(const Call& call, const Reading& reading, Usage usage,
                      const TokenCounts& counts, Tokens unseen, const Usage& held, bool binds,
                      bool says_most, Tokens hidden, Estimates& rules) {
  // What a cut stream said so far counts; the input is told at its start, if at all then.
  const Tokens reported_output = usage.source == UsageSource::reported ? usage.output : 0;
  const bool input_told = usage.source == UsageSource::reported && usage.input != 0;
  usage.source = UsageSource::estimated;
  if (!input_told) {
    const Tokens input = counts.input.value_or(call.facts.input_bytes);
    usage.input = std::max<Tokens>(input, 1);
    rules.add(counts.input ? counts.input_rule : Estimate::input_octets);
  }
  if (!makes_tokens(call.route.endpoint)) {
    usage.clamp_parts();
    return usage;
  }
  usage.output = std::max<Tokens>(usage.output, counts.output.value_or(reading.output_bytes));
  rules.add(counts.output ? counts.output_rule : Estimate::output_octets);
  const bool is_held = held.source != UsageSource::none;
  const Tokens room = is_held ? held.output - std::min(held.output, usage.output) : unseen;
  if (unseen != 0) {
    usage.output += std::min(unseen, room);
    rules.add(Estimate::output_allowance);
  }
  // A budget pays for what may have been billed unseen: content that isn't in the body, and output
  // that no stream shows.
  if (binds && is_held && !input_told && !call.facts.input_is_whole()) usage.input = held.input;
  if (binds && is_held && may_hide_output(call.model)) usage.output += hidden;
  // What nobody reported is never charged above what was set aside for it.
  const bool bounded = binds || says_most;
  if (bounded && is_held) usage.output = std::min(usage.output, std::max(held.output, reported_output));
  usage.clamp_parts();
  return usage;
}

// A whole call whose answer could not be read to its end was made all the same: its hold
// is charged (design, section 8). A stream stops when it is cancelled.
bool charges_the_hold(const Record& record, const Relayed& relayed) {
  return !record.stream && !relayed.whole &&
         (relayed.outcome == Outcome::client_closed || relayed.outcome == Outcome::drained);
}

// May the provider bill this although it reported nothing? An answer that was begun,
// yes. One that never came, too, if the request went out: it may have been worked on.
// An error of the provider's own costs nothing (wire-formats, section 5).
bool may_be_billed(const std::vector<AttemptRecord>& attempts) {
  if (attempts.empty() || !attempts.back().sent || attempts.back().over) return false;
  return attempts.back().status < 400;
}

// Does the reply claim more tokens than the model can read or write, and more than were held for
// it? Such a claim is no count, and no budget pays for it. Where tools run at the provider the
// model reads its window again and again.
bool is_beyond_window(const PriceCard* card, const Call& call, const Usage& usage,
                      const Usage& held) {
  if (card == nullptr || card->context_window == 0 || usage.source != UsageSource::reported) {
    return false;
  }
  if (card->mode != "chat" && card->mode != "responses" && card->mode != "completion") return false;
  const Tokens choices = std::max<Tokens>(call.facts.choices, 1);
  const Tokens most_output = std::max(card->context_window, card->max_output_tokens);
  if (usage.output > held.output && usage.output / choices > most_output) return true;
  return !call.facts.reach.tools.any() && usage.extras.empty() && usage.input > held.input &&
         usage.input / std::max<Tokens>(call.facts.reach.inputs, 1) > card->context_window;
}

// Does it claim nothing for what was asked or shown? No provider works for nothing, and a budget
// that believed it could be overrun.
bool is_for_nothing(const Call& call, const Reading& reading, const Usage& usage) {
  if (usage.source != UsageSource::reported || !makes_tokens(call.route.endpoint)) return false;
  return (usage.output == 0 && reading.output_bytes != 0) ||
         (usage.input == 0 && call.facts.input_bytes != 0);
}

}  // namespace

PriceContext price_context(const Services& services, const Call& call, const Record& record) {
  const ProviderSettings& provider = call.provider->settings;
  return {.table = services.prices,
          .provider = record.provider,
          .dialect = provider.dialect,
          .place = price_place(provider, call.target),
          .when = record.time,
          .factor = record.price_factor};
}

Record begin_record(const Services& services, const Call& call, const Caller& caller) {
  Record record;
  record.time = call.started_wall;
  record.request_id = call.request_id;
  record.key_name = caller.key_name;
  record.org = caller.org;
  record.project = caller.project;
  record.user = caller.user;
  record.tags = caller.tags;
  record.model = call.model.substr(0, kMaxName);
  record.requested_model =
      call.asked_model.empty() ? record.model : call.asked_model.substr(0, kMaxName);
  record.endpoint = name_of(call.route.endpoint);
  record.dialect = call.route.described ? std::string_view(call.provider->settings.described->name)
                                        : name_of(call.dialect);
  if (call.provider != nullptr) record.provider = call.provider->settings.name;
  record.price_factor =
      price_factor(services.settings.prices.adjust, record.provider, record.key_name);
  record.stream = call.route.stream || call.facts.stream;
  record.variant = call.variant;
  record.price_version = services.prices.version();
  record.metered = is_metered(call.route.endpoint) || is_free(call.route.endpoint);
  return record;
}

void settle(const Services& services, const Call& call, Relayed& relayed,
            const TokenCounts& counts, int status, std::vector<AttemptRecord> attempts,
            SteadyTime now, bool binds, Record& record) {
  // What the hold's draft assumed was held; from here on counts what happened.
  record.held = record.cost;
  record.held_known = record.priced;
  const Usage held_usage = std::exchange(record.usage, Usage());
  record.cost = Money();
  record.priced = record.estimated = false;
  record.estimated_by = Estimates();

  const Reading& reading = relayed.reading;
  if (!reading.model.empty()) record.model = reading.model.substr(0, kMaxName);
  record.model_known =
      (status != 0 && status < 400) ||
      (call.provider != nullptr &&
       services.prices.find(record.provider, call.provider->settings.dialect, record.model));
  record.stream = record.stream || reading.stream;
  record.status = static_cast<std::uint16_t>(status);
  record.outcome = relayed.outcome;
  // SDKs leave an error's body unread before they try again: the provider failed first.
  const bool undisturbed =
      record.outcome == Outcome::ok || record.outcome == Outcome::client_closed;
  if (undisturbed && (status >= 400 || reading.error)) record.outcome = Outcome::provider_error;
  record.finish_reason = reading.finish_reason;
  record.tool_calls = reading.tool_calls;
  record.latency_ms = milliseconds_between(call.started, now);
  if (relayed.first_octet != SteadyTime{}) {
    record.ttfb_ms = milliseconds_between(call.started, relayed.first_octet);
  }

  const Endpoint endpoint = call.route.endpoint;
  const bool sent = !attempts.empty() && attempts.back().sent && !attempts.back().over;
  // What was held is for all tries; those before the last have their part.
  Money earlier;
  for (const AttemptRecord& attempt : attempts) {
    if (attempt.over) earlier += attempt.cost;
  }
  const Money held_for_last = std::max(record.held - earlier, Money());
  if (is_free(endpoint) || !sent) {
    record.priced = record.metered || !sent;  // a true zero
  } else if (is_metered(endpoint)) {
    const PriceContext context = price_context(services, call, record);
    const PriceMatch match = match_answer(context, record.model, call.model);
    Usage told = std::move(relayed.reading.usage);
    if (status < 400) complete_usage(told, call.route, call.facts, record.model);
    const bool absurd = binds && (is_beyond_window(match.card, call, told, held_usage) ||
                                  is_for_nothing(call, reading, told));
    if (absurd) {
      told = Usage();
      record.estimated_by.add(Estimate::usage_part);
    }
    // What is sold was counted in the request, however much of the sound arrived.
    const bool spoken = is_sold_by_character(match.card, told) && may_be_billed(attempts);
    if (spoken) told.source = UsageSource::reported;
    const bool reported = told.source == UsageSource::reported;
    const bool to_the_end = relayed.whole || reading.finished;
    const bool billed = reported || absurd || may_be_billed(attempts);
    if (reported && (to_the_end || spoken)) {
      record.usage = std::move(told);
    } else if (billed) {
      const Tokens choices = std::clamp<Tokens>(call.facts.choices, 1, 1'000);
      const Tokens unseen =
          to_the_end ? 0 : services.settings.enforcement.abort_allowance_tokens * choices;
      const Tokens hidden = most_made_in(now - call.started) * choices;
      // The request or the model says the most; else what was held is a guess.
      const bool says_most = call.facts.max_output_tokens != 0 ||
                             (match.card != nullptr && match.card->max_output_tokens != 0);
      record.usage = estimated_usage(call, reading, std::move(told), counts, unseen, held_usage,
                                     binds, says_most, hidden, record.estimated_by);
    }
    if (record.usage.source == UsageSource::none) {
      record.priced = true;  // nothing was made, nothing is billed
    } else if (billed && charges_the_hold(record, relayed)) {
      record.usage = held_usage;
      record.cost = held_for_last;
      record.priced = record.held_known;
      record.estimated = true;
      record.estimated_by = Estimates();
      record.estimated_by.add(Estimate::held_amount);
    } else {
      charge(record, match, context);
    }
  }

  if (!attempts.empty()) {
    AttemptRecord& last = attempts.back();
    if (!last.over) {
      last.model = record.model;
      last.cost = record.cost;
      last.priced = record.priced;
      if (last.status != 0) last.outcome = record.outcome;
      last.latency_ms = std::max(last.latency_ms, record.latency_ms);
    }
    // A request costs what its tries cost, each with its own provider's price.
    for (const AttemptRecord& attempt : attempts) {
      if (!attempt.over) continue;
      record.cost += attempt.cost;
      if (attempt.cost != Money()) {  // nobody said so: see send
        record.estimated = true;
        record.estimated_by.add(Estimate::held_amount);
      }
      record.priced = record.priced && (attempt.priced || attempt.cost == Money());
    }
  }
  // Unknown is never zero: a budget pays the bound.
  if (binds && !record.priced && record.held_known && record.cost < record.held) {
    record.cost = record.held;
    record.priced = record.estimated = true;
    record.estimated_by.add(Estimate::held_amount);
    if (!attempts.empty() && !attempts.back().over) attempts.back().cost = held_for_last;
  }
  record.over_hold = record.priced && record.held_known && record.cost > record.held;
  record.attempts = std::move(attempts);
}

}  // namespace farebox::stages
