// ResponseItems: what the output items of OpenAI's Responses API (openai-openapi:
// OutputItem) say about calls, the client's own and those of tools at the provider.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/dialect/json_cursor.hpp"
#include "proxy/dialect/server_tools.hpp"

namespace farebox {

class ResponseItems {
 public:
  // The `output` array of a response; the last one, in response.completed, has all items.
  void read_all(JsonCursor& cursor);

  // The item of a response.output_item.done event. A stream that is cut has these only.
  void read_one(JsonCursor& cursor);
  void take_one();   // the event was such an event
  void forget_one() { one_ = {}; }

  // `tool_usage`: what OpenAI counted itself.
  void read_tool_usage(JsonCursor& cursor);

  // Calls that the client has to run.
  std::uint64_t client_calls() const { return all_.client_calls > done_.client_calls
                                           ? all_.client_calls : done_.client_calls; }
  ServerTools server_tools() const;

 private:
  struct Item {
    JsonString type, action;
  };
  struct Calls {
    std::uint64_t client_calls = 0;
    ServerTools tools;
    void take(const Item& item);
  };
  static Item read_item(JsonCursor& cursor);

  Calls all_, done_;
  ServerTools said_;
  Item one_;
};

}  // namespace farebox
