# Writes glmnet_glm_numbers.json to the working directory: glmnet's coefficients for generalized linear models.
#
# The data of the first part are drawn here and stored with the results. Of glmnet's own examples only the results are
# stored. Options are named as those of fastreg.fit_path; penalty factors sum to the number of features, an infinite
# one counted as 1, since glmnet rescales them to that.
library(glmnet)
glmnet.control(fdev = 0, devmax = 1, epsnr = 1e-13, mxitnr = 1000)

text <- function(value) {
  # One line of JSON; 13 digits, names where the list has them.
  if (is.list(value) && length(value) == 0) return("{}")
  if (is.matrix(value)) value <- lapply(seq_len(nrow(value)), function(i) value[i, ])
  if (is.list(value) && !is.null(names(value))) {
    return(paste0("{", paste0('"', names(value), '": ', sapply(value, text), collapse = ", "), "}"))
  }
  one <- function(v) {
    if (is.character(v)) return(paste0('"', v, '"'))
    if (is.logical(v)) return(if (v) "true" else "false")
    if (is.infinite(v)) return(if (v > 0) "Infinity" else "-Infinity")
    sprintf("%.13g", v)
  }
  if (is.list(value)) return(paste0("[", paste(sapply(value, text), collapse = ", "), "]"))
  if (length(value) == 1 && !inherits(value, "AsIs")) return(one(value))
  paste0("[", paste(sapply(unclass(value), one), collapse = ", "), "]")
}

sparse <- function(column) {
  # Intercept, and the coefficients that are not 0; features are counted from 0.
  used <- which(column[-1] != 0)
  list(intercept = unname(column[1]), features = I(used - 1), coefficients = I(unname(column[-1][used])))
}

losses <- c(binomial = "logistic", poisson = "poisson", Gamma = "gamma", multinomial = "multinomial")

fit <- function(data, x, y, family, lambda, options = list(), weights = NULL, offset = NULL, ...) {
  loss <- losses[[if (is.character(family)) family else family$family]]
  one <- options
  glmnet_options <- list(
    alpha = if (is.null(one$l1_ratio)) 1 else one$l1_ratio,
    standardize = isTRUE(one$standardize),
    intercept = !identical(one$fit_intercept, FALSE),
    penalty.factor = if (is.null(one$penalty_factors)) rep(1, ncol(x)) else one$penalty_factors,
    lower.limits = if (is.null(one$lower_bounds)) -Inf else one$lower_bounds,
    upper.limits = if (is.null(one$upper_bounds)) Inf else one$upper_bounds
  )
  if (isTRUE(one$sample_weight)) glmnet_options$weights <- weights
  if (isTRUE(one$offset)) glmnet_options$offset <- offset
  peer <- do.call(glmnet, c(
    list(x, y, family = family, lambda = lambda, thresh = 1e-14, maxit = 1e8), glmnet_options, list(...)
  ))
  found <- coef(peer)
  path <- lapply(seq_along(lambda), function(k) {
    if (is.list(found)) {
      return(list(lambda = lambda[k], classes = unname(lapply(found, function(class) sparse(class[, k])))))
    }
    c(list(lambda = lambda[k]), sparse(found[, k]))
  })
  kind <- c(list(data = data, loss = loss), if (loss == "multinomial") list(grouped = list(...)[[1]] == "grouped"))
  paste0("{", substring(text(kind), 2, nchar(text(kind)) - 1), ', "options": ', text(one), ', "path": [\n    ',
         paste(sapply(path, text), collapse = ",\n    "), "]}")
}

set.seed(20)
n <- 40
p <- 8
x <- round(matrix(rnorm(n * p), n, p) %*% (diag(p) + 0.3) * rep(c(1, 1, 3, 1, 0.3, 1, 1, 2), each = n), 2)
eta <- as.vector(scale(x %*% c(1, -0.5, 0.4, 0, 1, 0, 0, -0.3)))
weights <- rep(c(1, 2, 3, 0.5), length.out = n)
offset <- round(rnorm(n) / 2, 2)
labels <- rbinom(n, 1, 1 / (1 + exp(-eta)))
fractions <- round(1 / (1 + exp(-eta - rnorm(n) / 2)), 2)
counts <- rpois(n, exp(0.5 + eta))
amounts <- round(exp(eta) * rgamma(n, 2, 2), 3) + 0.001
classes <- rbinom(n, 1, 0.5) + (eta > 0.2)

factors <- c(0, 2.5, Inf, 1, 0.5, 1, 1, 1)
cases <- list(
  list(),
  list(standardize = TRUE),
  list(l1_ratio = 0.5, standardize = TRUE),
  list(l1_ratio = 0.5, sample_weight = TRUE, standardize = TRUE),
  list(offset = TRUE),
  list(penalty_factors = factors),
  list(lower_bounds = -0.05, upper_bounds = 0.2),
  list(l1_ratio = 0.5, fit_intercept = FALSE),
  list(l1_ratio = 0.5, standardize = TRUE, sample_weight = TRUE, offset = TRUE, penalty_factors = factors,
       lower_bounds = -0.1, upper_bounds = 0.25)
)
over <- function(data, y, family) {
  sapply(cases, function(options) fit(data, x, y, family, c(0.3, 0.05, 0.005), options, weights, offset))
}
fits <- c(
  over("labels", labels, "binomial"),
  fit("fractions", x, cbind(1 - fractions, fractions), "binomial", c(0.1, 0.01), list(standardize = TRUE)),
  over("counts", counts, "poisson"),
  over("amounts", amounts, Gamma(link = "log")),
  sapply(c("ungrouped", "grouped"), function(type) {
    fit("classes", x, classes, "multinomial", c(0.1, 0.01), list(standardize = TRUE), type.multinomial = type)
  })
)

data(BinomialExample, PoissonExample, MultinomialExample)
example <- function(name, all, family, lambda, ...) fit(name, all$x, all$y, family, lambda, ...)
both <- list(list(standardize = TRUE), list(l1_ratio = 0.5))
examples <- c(
  sapply(both, function(o) example("glmnet_BinomialExample", BinomialExample, "binomial", c(0.1, 0.03, 0.01), o)),
  sapply(both, function(o) example("glmnet_PoissonExample", PoissonExample, "poisson", c(1, 0.1, 0.01), o)),
  sapply(c("ungrouped", "grouped"), function(type) {
    example("glmnet_MultinomialExample", MultinomialExample, "multinomial", c(0.1, 0.03, 0.01),
            list(standardize = TRUE), type.multinomial = type)
  })
)

source <- paste0(
  "R package glmnet ", packageVersion("glmnet"), ", glmnet_glm_numbers.R beside this file; ", R.version.string
)
drawn <- list(x = x, weights = weights, offset = offset, labels = labels, fractions = fractions, counts = counts,
              amounts = amounts, classes = classes)
rows <- paste0(' "', names(drawn), '": ', sapply(drawn, text))
writeLines(c(
  paste0('{"source": "', source, '",'),
  '"data": {', paste(rows, collapse = ",\n"), "},",
  '"fits": [', paste(c(fits, examples), collapse = ",\n"), "]}"
), "glmnet_glm_numbers.json")
