#include "policy/robust.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace farebox {

double mean_of(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Middle middle_of(const std::vector<double>& values) {
  constexpr double kNormal = 1.4826;
  Middle middle;
  middle.median = median_of(values);
  std::vector<double> away;
  for (const double value : values) away.push_back(std::abs(value - middle.median));
  middle.spread = kNormal * median_of(std::move(away));
  return middle;
}

Line robust_line(const std::vector<Point>& points) {
  std::vector<double> slopes;
  for (auto first = points.begin(); first != points.end(); ++first) {
    for (auto last = first + 1; last != points.end(); ++last) {
      slopes.push_back((last->value - first->value) / (last->place - first->place));
    }
  }
  Line line;
  line.slope = median_of(std::move(slopes));
  std::vector<double> begins;
  for (const Point& point : points) begins.push_back(point.value - line.slope * point.place);
  line.begin = median_of(std::move(begins));
  return line;
}

}  // namespace farebox
