#include "proxy/dialect/openai_usage.hpp"

#include <charconv>
#include <cmath>

#include "proxy/dialect/reported_cost.hpp"

namespace farebox {
namespace {

void read_input_details(JsonCursor& cursor, OpenAiUsage& usage) {
  cursor.each_member([&](std::string_view key) {
    if (key == "cached_tokens") usage.cached = cursor.count(usage.unusable);
    else if (key == "cache_write_tokens") usage.cache_write = cursor.count(usage.unusable);
    else if (key == "audio_tokens") usage.audio_input = cursor.count(usage.unusable);
    else if (key == "image_tokens") usage.image_input = cursor.count(usage.unusable);
    else if (key == "cache_creation_tokens") usage.cache_write = cursor.count(usage.unusable);  // LiteLLM
  });
}

void read_output_details(JsonCursor& cursor, OpenAiUsage& usage) {
  cursor.each_member([&](std::string_view key) {
    if (key == "reasoning_tokens") usage.reasoning = cursor.count(usage.unusable);
    else if (key == "audio_tokens") usage.audio_output = cursor.count(usage.unusable);
    else if (key == "image_tokens") usage.image_output = cursor.count(usage.unusable);
  });
}

void assign_word(JsonCursor& cursor, std::string& to) {
  if (const auto word = cursor.string()) to = word->decoded();
}

// xAI's server_side_tool_usage_details, OpenRouter's server_tool_use(_details), Mistral's
// connectors: counts by the name of the tool, with or without a suffix.
void read_tools(JsonCursor& cursor, ServerTools& tools, bool& unusable) {
  cursor.each_member([&](std::string_view key) {
    for (const std::string_view suffix : {"_calls", "_requests"}) {
      if (key.ends_with(suffix)) key.remove_suffix(suffix.size());
    }
    if (key == "web_search" || key == "web_search_premium") {
      tools.say(ServerTool::web_search, cursor.count(unusable));
    } else if (key == "web_fetch") {
      tools.say(ServerTool::web_fetch, cursor.count(unusable));
    } else if (key == "x_search") {
      tools.say(ServerTool::x_search, cursor.count(unusable));
    } else if (key == "code_interpreter") {
      tools.say(ServerTool::code_interpreter, cursor.count(unusable));
    } else if (key == "file_search") {
      tools.say(ServerTool::file_search, cursor.count(unusable));
    } else if (key == "document_search" || key == "document_library") {
      tools.say(ServerTool::document_search, cursor.count(unusable));
    } else if (key == "image_generation") {
      tools.say(ServerTool::image_generation, cursor.count(unusable));
    }
  });
}

// OpenRouter's and Vercel's number, or Perplexity's object with parts and a total.
std::optional<Money> read_cost(JsonCursor& cursor) {
  if (cursor.kind() != JsonCursor::Kind::object) return read_dollars(cursor);
  std::optional<Money> cost;
  cursor.each_member([&](std::string_view key) {
    if (key == "total_cost") cost = read_dollars(cursor);
  });
  return cost;
}

}  // namespace

std::optional<std::uint64_t> microseconds_of(std::string_view seconds) {
  double value = 0;
  const char* last = seconds.data() + seconds.size();
  const auto parsed = std::from_chars(seconds.data(), last, value);
  if (parsed.ec != std::errc() || parsed.ptr != last) return std::nullopt;
  const double micros = std::round(value * 1e6);
  if (!(micros >= 0) || micros > 9007199254740992.0) return std::nullopt;
  return static_cast<std::uint64_t>(micros);
}

OpenAiUsage OpenAiUsage::read(JsonCursor& cursor) {
  OpenAiUsage usage;
  // At the top level: Together and Moonshot, DeepSeek, Mistral; the details go before them.
  std::optional<Tokens> cached, reasoning;
  cursor.each_member([&](std::string_view key) {
    if (key == "prompt_tokens") {
      usage.input = cursor.count();
    } else if (key == "input_tokens") {
      usage.input = cursor.count();
      usage.anthropic_names = true;
    } else if (key == "completion_tokens" || key == "output_tokens") {
      usage.output = cursor.count();
    } else if (key == "total_tokens") {
      usage.total = cursor.count();
    } else if (key == "prompt_tokens_details" || key == "input_tokens_details" ||
               key == "input_token_details" || key == "prompt_token_details") {
      read_input_details(cursor, usage);
    } else if (key == "completion_tokens_details" || key == "output_tokens_details" ||
               key == "output_token_details" || key == "completion_token_details") {
      read_output_details(cursor, usage);
    } else if (key == "cached_tokens" || key == "prompt_cache_hit_tokens" ||
               key == "num_cached_tokens") {
      cached = cursor.count(usage.unusable);
    } else if (key == "reasoning_tokens") {
      reasoning = cursor.count(usage.unusable);
    } else {
      usage.read_rare(key, cursor);
    }
  });
  if (!usage.cached) usage.cached = cached;
  // Perplexity's deep research reports the reasoning, like the citations, beside the
  // completion and sells it apart from it (docs.perplexity.ai, "Pricing").
  const bool searched = usage.citation || usage.queries;
  if (reasoning && searched) usage.reasoning_apart = reasoning;
  else if (!usage.reasoning) usage.reasoning = reasoning;
  return usage;
}

// What few providers say, so that the others' keys are compared with little.
void OpenAiUsage::read_rare(std::string_view key, JsonCursor& cursor) {
  switch (key.size()) {
    case 4:
      if (key == "cost") cost = read_cost(cursor);
      break;
    case 7:
      if (key != "seconds") break;
      if (const auto seconds = cursor.number()) microseconds = microseconds_of(*seconds);
      break;
    case 10:
      if (key == "connectors") read_tools(cursor, tools, unusable);
      break;
    case 11:
      if (key == "market_cost") from_vercel = true;
      break;
    case 12:
      if (key == "service_tier") assign_word(cursor, service_tier);
      break;
    case 14:  // DeepInfra
      if (key == "estimated_cost") cost = read_cost(cursor);
      break;
    case 15:
      if (key == "citation_tokens") citation = cursor.count(unusable);
      else if (key == "server_tool_use") read_tools(cursor, tools, unusable);
      break;
    case 16:
      if (key == "connector_tokens") connector = cursor.count(unusable);
      else if (key == "num_sources_used") tools.say(ServerTool::live_search, cursor.count(unusable));
      break;
    case 17:
      if (key == "cost_in_usd_ticks") cost = read_ticks(cursor);
      else if (key == "input_token_count") input = cursor.count(unusable);  // watsonx embeddings
      break;
    case 18:
      if (key == "num_search_queries") queries = cursor.count(unusable);
      else if (key == "cache_write_tokens") cache_write = cursor.count(unusable);
      break;
    case 19:
      if (key == "search_context_size") assign_word(cursor, search_context);
      else if (key == "total_output_tokens") output = cursor.count(unusable);  // LM Studio's own API
      break;
    case 20:
      if (key != "prompt_audio_seconds") break;  // Mistral, which may send {}
      if (const auto seconds = cursor.number()) microseconds = microseconds_of(*seconds);
      break;
    case 23:
      if (key == "cache_read_input_tokens") {
        cached = cursor.count(unusable);
        cache_apart = true;
      } else if (key == "server_tool_use_details") {
        read_tools(cursor, tools, unusable);
      } else if (key == "reasoning_output_tokens") {  // LM Studio's own API
        reasoning = cursor.count(unusable);
      }
      break;
    case 27:
      if (key != "cache_creation_input_tokens") break;
      cache_write = cursor.count(unusable);
      cache_apart = true;
      break;
    case 30:
      if (key == "server_side_tool_usage_details") read_tools(cursor, tools, unusable);
      break;
    default: break;
  }
}

bool OpenAiUsage::put_into(Usage& usage, Reckoning reckoning) const {
  std::optional<Tokens> in = input;
  std::optional<Tokens> out = output;
  // What one side doesn't say follows from the total.
  if (!reckoning.has_output) {
    if (!in) in = total;
    if (!out) out = 0;
  }
  if (in && !out && total && *total >= *in) out = *total - *in;
  if (out && !in && total && *total >= *out) in = *total - *out;
  Tokens thinking = reasoning.value_or(0);
  if (in && out) {
    const Tokens hidden = total && *total > *in + *out ? *total - *in - *out : 0;
    const Tokens cache = cached.value_or(0) + cache_write.value_or(0);
    if (connector) {
      *in += *connector;
    } else if (cache_apart && cache > 0 && (total ? hidden == cache : anthropic_names)) {
      *in += cache;  // as Anthropic counts, behind OpenAI's names
    } else if (hidden > 0 && (reckoning.total_has_hidden_input || audio_input == hidden)) {
      *in += hidden;
    } else if (hidden > 0 && (reckoning.total_has_hidden_output || reckoning.is_gemini ||
                              reasoning == hidden || reasoning_apart == hidden)) {
      // xAI's completion_tokens leaves the reasoning out, Gemini's all of the thinking.
      *out += hidden;
      thinking = reasoning_apart.value_or(thinking);
    } else if (reasoning_apart) {
      *out += *reasoning_apart;
      thinking = *reasoning_apart;
    } else if (hidden == 0 && from_vercel && reckoning.is_gemini) {
      // Of Gemini's thinking neither the gateway's completion nor its total knows; its
      // cost does (wire-formats, "Others seen").
      *out += thinking;
    }
  }
  if (usage.service_tier.empty()) usage.service_tier = service_tier;
  usage.search_context = search_context;
  usage.microseconds = microseconds.value_or(0);
  usage.citation = citation.value_or(0);
  usage.queries = queries.value_or(0);
  usage.reported_cost = cost;
  usage.unusable_part = unusable;

  // One side alone is not an answer: unknown is never zero.
  if (!in || !out) return false;
  usage.input = *in;
  usage.output = *out;
  usage.cached_input = cached.value_or(0);
  usage.cache_write = cache_write.value_or(0);
  usage.audio_input = audio_input.value_or(0);
  usage.image_input = image_input.value_or(0);
  usage.reasoning = thinking;
  usage.audio_output = audio_output.value_or(0);
  usage.image_output = image_output.value_or(0);
  return true;
}

}  // namespace farebox
