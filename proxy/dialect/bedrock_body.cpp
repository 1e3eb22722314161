#include "proxy/dialect/bedrock_body.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

void assign_word(JsonCursor& cursor, std::string& to) {
  const auto text = cursor.string();
  if (text && !text->raw.empty()) to = text->decoded();
}

// A count that a stream tells once, or again and again; null leaves what was told.
void assign_count(JsonCursor& cursor, std::optional<Tokens>& to) {
  if (cursor.kind() == Kind::null) return;
  to = cursor.count();
}

bool is_anthropic_type(std::string_view type) {
  return type == "message" || type == "message_start" || type == "completion";
}

}  // namespace

void BedrockBody::add_text(JsonCursor& cursor) {
  if (const auto text = cursor.string()) reading.add_output(*text);
}

// The last usage that says something counts (wire-formats, rules 1 and 2).
void BedrockBody::read_usage(JsonCursor& cursor) {
  if (cursor.kind() != Kind::object) return;
  BedrockUsage said = BedrockUsage::read(cursor);
  if (cursor.failed()) return;
  if (!said.says_anything()) {
    foreign_usage_ = true;
    return;
  }
  usage = std::move(said);
}

// A ToolUseBlock. Only one that says server_tool_use is run by the provider.
void BedrockBody::read_tool_use(JsonCursor& cursor) {
  bool for_client = true;
  const bool is_call = cursor.each_member([&](std::string_view key) {
    if (key == "type") {
      if (const auto type = cursor.string()) for_client = type->raw != "server_tool_use";
    }
  });
  if (is_call && for_client) ++reading.tool_calls;
}

// A ContentBlock, or the start or delta of one.
void BedrockBody::read_block(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "toolUse") {
      read_tool_use(cursor);
    } else if (key == "text") {
      add_text(cursor);
    }
  });
}

// {"message": {"content": [block ...], "role": ...}}
void BedrockBody::read_message(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key != "message") return;
    cursor.each_member([&](std::string_view inner) {
      if (inner != "content" || cursor.kind() != Kind::array) return;
      cursor.each_element([&] { read_block(cursor); });
    });
  });
}

void BedrockBody::read_event(std::string_view type, JsonCursor& cursor) {
  const bool begins = type == "contentBlockStart";
  const bool continues = type == "contentBlockDelta";
  const bool stops = type == "messageStop";
  const bool tells = type == "metadata";
  cursor.each_member([&](std::string_view key) {
    if (begins && key == "start") {
      read_block(cursor);
    } else if (continues && key == "delta") {
      cursor.each_member([&](std::string_view inner) {
        if (inner == "text") return add_text(cursor);
        if (inner != "toolUse" && inner != "reasoningContent") return;
        cursor.each_member([&](std::string_view part) {
          if (part == "input" || part == "text") add_text(cursor);
        });
      });
    } else if (stops && key == "stopReason") {
      assign_word(cursor, finish_reason);
    } else if (tells) {
      read_terms(key, cursor);
    }
  });
}

// Members of a whole Converse reply and of a stream's metadata event.
bool BedrockBody::read_terms(std::string_view key, JsonCursor& cursor) {
  if (key == "usage") {
    read_usage(cursor);
  } else if (key == "serviceTier") {
    cursor.each_member([&](std::string_view inner) {
      if (inner == "type") assign_word(cursor, service_tier);
    });
  } else if (key == "performanceConfig") {
    cursor.each_member([&](std::string_view inner) {
      if (inner == "latency") assign_word(cursor, speed);
    });
  } else {
    return false;
  }
  return true;
}

// What Titan calls results: texts with a count each, and the input's beside them.
void BedrockBody::read_titan_results(JsonCursor& cursor) {
  if (cursor.kind() != Kind::array) return;
  Tokens sum = 0;
  bool counted = false, known = true;
  cursor.each_element([&] {
    cursor.each_member([&](std::string_view key) {
      if (key == "tokenCount") {
        const std::optional<Tokens> count = cursor.count();
        counted = true;
        known = known && count && sum <= 1ull << 53;
        sum += count.value_or(0);
      } else if (key == "outputText") {
        add_text(cursor);
      } else if (key == "completionReason") {
        assign_word(cursor, finish_reason);
      }
    });
  });
  if (counted) titan_output_ = known ? std::optional(sum) : std::nullopt;
  said_titan_ = said_titan_ || counted;
}

// Answers of which a call can ask for several: Cohere's generations, Mistral's outputs,
// AI21's completions, and the choices of those who follow OpenAI. The first one's reason
// counts.
void BedrockBody::read_alternatives(JsonCursor& cursor, Shape& shape) {
  if (cursor.kind() != Kind::array) return;
  std::string first;
  cursor.each_element([&] {
    std::string reason;
    cursor.each_member([&](std::string_view key) {
      if (key == "text") {
        add_text(cursor);
      } else if (key == "stop_reason" || key == "finish_reason") {
        assign_word(cursor, reason);
      } else if (key == "finishReason") {  // AI21: {"reason": ...}
        cursor.each_member([&](std::string_view inner) {
          if (inner == "reason") assign_word(cursor, reason);
        });
      } else if (key == "data") {
        cursor.each_member([&](std::string_view inner) {
          if (inner == "text") add_text(cursor);
        });
      } else if (key == "message" || key == "delta") {
        shape = Shape::openai;
      }
    });
    if (first.empty()) first = std::move(reason);
  });
  if (!first.empty()) finish_reason = std::move(first);
}

void BedrockBody::read_family_member(std::string_view key, JsonCursor& cursor) {
  if (key == "prompt_token_count") {  // Llama
    assign_count(cursor, usage.input);
  } else if (key == "generation_token_count") {
    assign_count(cursor, usage.output);
  } else if (key == "generation" || key == "outputText" || key == "text") {
    add_text(cursor);
  } else if (key == "stop_reason" || key == "completionReason" || key == "finish_reason") {
    assign_word(cursor, finish_reason);
  } else if (key == "inputTextTokenCount") {  // Titan
    said_titan_ = true;
    assign_count(cursor, titan_input_);
  } else if (key == "totalOutputTextTokenCount") {
    said_titan_ = titan_event_ = true;
    assign_count(cursor, titan_output_);
  } else if (key == "results") {
    read_titan_results(cursor);
  } else if (key == "embedding" || key == "embeddings" || key == "embeddingsByType") {
    embeds = true;
  } else if (key == "images" || key == "artifacts") {
    images = 0;
    if (cursor.kind() == Kind::array) cursor.each_element([&] { ++images; });
  } else if (key == "tool_calls") {  // Cohere
    if (cursor.kind() == Kind::array) cursor.each_element([&] { ++reading.tool_calls; });
  } else if (key == "error") {
    if (const auto text = cursor.string(); text && !text->raw.empty()) error = true;
  } else if (key == "__type") {
    assign_word(cursor, error_code);
  }
}

void BedrockBody::read_member(std::string_view key, JsonCursor& cursor, Shape& shape) {
  if (read_terms(key, cursor)) return;
  if (key == "output") {
    if (cursor.kind() == Kind::object) read_message(cursor);
  } else if (key == "stopReason") {
    assign_word(cursor, finish_reason);
  } else if (key == "messageStart" || key == "contentBlockStart" || key == "contentBlockDelta" ||
             key == "messageStop" || key == "metadata") {
    if (cursor.kind() == Kind::object) read_event(key, cursor);
  } else if (key == "amazon-bedrock-invocationMetrics") {
    if (cursor.kind() != Kind::object) return;
    BedrockUsage said = BedrockUsage::read(cursor);
    if (cursor.failed()) return;
    metrics = std::move(said);
    last_event = true;
  } else if (key == "amazon-bedrock-guardrailAction") {
    if (const auto action = cursor.string()) guarded_ = action->raw == "INTERVENED";
  } else if (key == "type") {
    const auto type = cursor.string();
    if (!type) return;
    if (is_anthropic_type(type->raw)) shape = Shape::anthropic;
    if (type->raw == "message_stop") last_event = true;
  } else if (key == "completion") {  // Claude's text completions, which may have no type
    shape = Shape::anthropic;
  } else if (key == "choices" || key == "generations" || key == "outputs" ||
             key == "completions") {
    read_alternatives(cursor, shape);
  } else {
    read_family_member(key, cursor);
  }
}

void BedrockBody::read(JsonCursor& cursor, Shape& shape) {
  cursor.each_member([&](std::string_view key) { read_member(key, cursor, shape); });
  if (foreign_usage_ && shape == Shape::own) shape = Shape::openai;
  // Titan's stream counts what a guardrail says in the model's place as if the model had
  // said it; if one was run, the metrics tell.
  if (titan_event_ && guarded_) {
    last_event = true;
    return;
  }
  if (!said_titan_) return;
  if (titan_input_) usage.input = titan_input_;
  if (titan_output_) usage.output = titan_output_;
}

}  // namespace farebox
