#include "proxy/curl_library.hpp"

#include <dlfcn.h>

#include <mutex>

namespace farebox {
namespace {

constexpr const char* kName = "libcurl.so.4";

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

Error missing() {
  const char* const why = ::dlerror();
  return Error(ErrorCode::io_failed, std::string("libcurl can't be loaded (") +
                                         (why == nullptr ? kName : why) +
                                         "); install it: apt-get install libcurl4");
}

}  // namespace

Result<const CurlLibrary*> CurlLibrary::load() {
  static std::mutex mutex;
  static CurlLibrary library;
  static bool loaded = false;
  const std::lock_guard lock(mutex);
  if (loaded) return &library;
  void* const opened = ::dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) return missing();
  decltype(&curl_global_init) global_init = nullptr;
  CurlLibrary found;
  const bool whole = find(opened, "curl_global_init", global_init) &&
                     find(opened, "curl_easy_init", found.easy_init) &&
                     find(opened, "curl_easy_cleanup", found.easy_cleanup) &&
                     find(opened, "curl_easy_setopt", found.easy_setopt) &&
                     find(opened, "curl_easy_getinfo", found.easy_getinfo) &&
                     find(opened, "curl_easy_perform", found.easy_perform) &&
                     find(opened, "curl_easy_strerror", found.easy_strerror) &&
                     find(opened, "curl_slist_append", found.slist_append) &&
                     find(opened, "curl_slist_free_all", found.slist_free_all);
  if (!whole) return missing();
  // OpenSSL has been set up by the program itself.
  if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return missing();
  library = found;
  loaded = true;
  return &library;
}

}  // namespace farebox
