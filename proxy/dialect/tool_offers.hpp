// ToolOffers: reads the tools that a request offers to a model: which of them the client runs
// itself, and which the provider may run and bill.
//
// All dialects at once, by the words of `type`, or by the members of those that have none
// (Gemini, Bedrock). A tool that isn't known may cost anything (BodyReach::unknown_tools).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/dialect/body_reach.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace farebox {

class ToolOffers {
 public:
  ToolOffers(JsonCursor& cursor, BodyReach& reach) : cursor_(cursor), reach_(reach) {}

  // The value at the cursor is "tools" of a body; null and an empty list offer nothing.
  void read_list() { read_list_at(0); }

  // What a web search may read: `search_context_size` of the last tool that says it.
  const std::string& search_context() const { return search_context_; }

 private:
  struct Tool {
    std::string type;
    std::uint64_t most_uses = 0;  // 0: not said
    bool has_type = false;
    bool has_definition = false;  // what the client brings
    bool named = false;           // said by a member
    bool has_more = false;        // members we don't know
  };

  void read_list_at(int depth);
  void read_tool(int depth);
  void read_member(std::string_view key, Tool& tool, int depth);
  bool read_named(std::string_view key);
  void judge(const Tool& tool);

  JsonCursor& cursor_;
  BodyReach& reach_;
  std::string search_context_;
};

}  // namespace farebox
