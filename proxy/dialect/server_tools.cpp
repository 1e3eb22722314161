#include "proxy/dialect/server_tools.hpp"

#include <utility>

namespace farebox {

std::string_view name_of(ServerTool tool) {
  switch (tool) {
    case ServerTool::web_search: return "web_search";
    case ServerTool::web_fetch: return "web_fetch";
    case ServerTool::file_search: return "file_search";
    case ServerTool::code_interpreter: return "code_interpreter";
    case ServerTool::code_execution: return "code_execution";
    case ServerTool::image_generation: return "image_generation";
    case ServerTool::x_search: return "x_search";
    case ServerTool::document_search: return "document_search";
    case ServerTool::live_search: return "live_search";
  }
  return "unknown";
}

void ServerTools::put_into(Usage& usage) const {
  for (std::size_t i = 0; i < kServerTools; ++i) {
    if (counts_[i] == 0) continue;
    UsageExtra extra;
    extra.type = name_of(static_cast<ServerTool>(i));
    extra.count = counts_[i];
    usage.extras.push_back(std::move(extra));
  }
}

}  // namespace farebox
