#include "storage/answer_files.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <vector>

namespace farebox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostAside = 2;

struct Aside {
  std::uint64_t number = 0;
  fs::path path;
};

// The oldest first.
std::vector<Aside> list_aside(const fs::path& directory) {
  std::vector<Aside> found;
  const std::string front = directory.filename().string() + ".damaged-";
  std::error_code failed;
  for (fs::directory_iterator at(directory.parent_path(), failed), end; !failed && at != end;
       at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(front)) continue;
    Aside aside{0, at->path()};
    const char* const last = name.data() + name.size();
    const auto read = std::from_chars(name.data() + front.size(), last, aside.number);
    if (read.ec == std::errc() && read.ptr == last) found.push_back(std::move(aside));
  }
  std::sort(found.begin(), found.end(), [](const Aside& a, const Aside& b) { return a.number < b.number; });
  return found;
}

bool is_of_database(const std::string& name) {
  return name == "IDENTITY" || name == "LOCK" || name.starts_with("LOG") ||
         name.starts_with("MANIFEST-") || name.starts_with("OPTIONS-") || name.ends_with(".sst") ||
         name.ends_with(".log") || name.ends_with(".dbtmp");
}

fs::path plain(const std::string& directory) {
  fs::path path = fs::path(directory).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

Result<std::string> set_answers_aside(const std::string& directory) {
  const fs::path path = plain(directory);
  const auto before = list_aside(path);
  std::error_code failed;
  for (std::size_t i = 0; i + kMostAside <= before.size(); ++i) fs::remove_all(before[i].path, failed);
  fs::path to = path;
  to += ".damaged-" + std::to_string(before.empty() ? 1 : before.back().number + 1);
  fs::rename(path, to, failed);
  if (!failed) return to.string();
  return Error(ErrorCode::io_failed, "can't rename '" + path.string() + "': " + failed.message());
}

Result<void> delete_answers(const std::string& directory) {
  const fs::path path = plain(directory);
  std::error_code failed;
  if (!fs::exists(path, failed)) return {};
  fs::remove(path / "CURRENT", failed);
  std::vector<fs::path> files;
  for (fs::directory_iterator at(path, failed), end; !failed && at != end; at.increment(failed)) {
    if (is_of_database(at->path().filename().string())) files.push_back(at->path());
  }
  for (const fs::path& file : files) {
    if (!failed) fs::remove(file, failed);
  }
  if (!failed) return {};
  return Error(ErrorCode::io_failed, "can't empty '" + path.string() + "': " + failed.message());
}

}  // namespace farebox
