#include "proxy/dialect/response_items.hpp"

namespace farebox {

ResponseItems::Item ResponseItems::read_item(JsonCursor& cursor) {
  Item item;
  cursor.each_member([&](std::string_view key) {
    if (key == "type") {
      if (const auto type = cursor.string()) item.type = *type;
    } else if (key == "action") {
      cursor.each_member([&](std::string_view inner) {
        if (inner != "type") return;
        if (const auto type = cursor.string()) item.action = *type;
      });
    }
  });
  return item;
}

void ResponseItems::Calls::take(const Item& item) {
  const std::string_view type = item.type.raw;
  if (type == "function_call" || type == "custom_tool_call") {
    ++client_calls;
  } else if (type == "web_search_call") {
    // Opening a page and finding text in it are steps of a search that is billed once.
    const std::string_view action = item.action.raw;
    if (action != "open_page" && action != "find_in_page") tools.add(ServerTool::web_search);
  } else if (type == "file_search_call") {
    tools.add(ServerTool::file_search);
  } else if (type == "code_interpreter_call") {
    tools.add(ServerTool::code_interpreter);
  } else if (type == "image_generation_call") {
    tools.add(ServerTool::image_generation);
  } else if (type == "x_search_call") {
    tools.add(ServerTool::x_search);
  }
}

void ResponseItems::read_all(JsonCursor& cursor) {
  Calls calls;
  const bool array = cursor.each_element([&] { calls.take(read_item(cursor)); });
  if (array) all_ = calls;
}

void ResponseItems::read_one(JsonCursor& cursor) { one_ = read_item(cursor); }

void ResponseItems::take_one() {
  done_.take(one_);
  one_ = {};
}

void ResponseItems::read_tool_usage(JsonCursor& cursor) {
  cursor.each_member([&](std::string_view tool) {
    if (tool != "web_search") return;
    cursor.each_member([&](std::string_view key) {
      if (key == "num_requests") said_.say(ServerTool::web_search, cursor.count());
    });
  });
}

ServerTools ResponseItems::server_tools() const {
  ServerTools tools = all_.tools;
  tools.merge(done_.tools);
  tools.merge(said_);
  return tools;
}

}  // namespace farebox
