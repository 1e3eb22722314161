// DemoProvider: a pretend OpenAI, Anthropic and Gemini in this process, for `farebox demo`.
//
// It listens on a port of its own on loopback, takes any key, and has a thread of its own:
// farebox relays to it and meters it like any provider. It keeps nothing and calls nobody.
#pragma once

#include <memory>
#include <string>

#include "config/base/result.hpp"
#include "config/load.hpp"

namespace farebox {

class DemoProvider {
 public:
  // Error: io_failed, with the system's reason.
  static Result<std::unique_ptr<DemoProvider>> start();
  ~DemoProvider();  // ends what runs

  const std::string& url() const;  // "http://127.0.0.1:40123"

 private:
  struct Impl;
  explicit DemoProvider(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Puts the pretend provider behind every provider of the settings, without their keys,
// and the data into a directory of its own, so that no pretend cost mixes with real ones:
// `demo` below data_dir, unless the command line names one. Call it before check_whole.
void pretend(const std::string& url, LoadResult& result);

}  // namespace farebox
