# Reads X and y from a folder, then obeys lines from standard input: "fit <family> <alpha> <thresh> <type>", type being
# type.gaussian, type.logistic or "grouped", and "cv <alpha> <thresh> <type.gaussian> <folds>".
suppressPackageStartupMessages({
  library(Matrix)
  library(glmnet)
})
words <- commandArgs(trailingOnly = TRUE)
folder <- words[1]
n <- as.integer(words[2])
p <- as.integer(words[3])

read <- function(name, what = "double") {
  path <- file.path(folder, name)
  size <- if (what == "integer") 4 else 8
  readBin(path, what, n = file.size(path) / size)
}

write <- function(values, name) {
  target <- file(file.path(folder, name), "wb")
  writeBin(values, target)
  close(target)
}

y <- read("y")
# glmnet divides the l2 part by y's deviation, unless that is 1.
scaled <- (y - mean(y)) / sqrt(mean((y - mean(y))^2))
if (file.exists(file.path(folder, "X"))) {
  X <- matrix(read("X"), n, p)
} else {
  X <- new("dgCMatrix", x = read("data"), i = read("indices", "integer"), p = read("indptr", "integer"), Dim = c(n, p))
}
# Every lambda is fitted, however much of the variance is explained.
glmnet.control(fdev = 0, devmax = 1)

answer <- function(family, alpha, thresh, type) {
  lambdas <- read("lambdas")
  target <- if (family == "gaussian") scaled else y
  # proc.time() knows milliseconds only.
  begin <- as.numeric(Sys.time())
  # Each type is read by its own family alone.
  fit <- glmnet(X, target, family = family, alpha = alpha, lambda = lambdas, standardize = FALSE, thresh = thresh,
                maxit = 1e9, type.gaussian = if (family == "gaussian") type else "naive",
                type.logistic = if (type == "modified.Newton") type else "Newton",
                type.multinomial = if (type == "grouped") type else "ungrouped")
  seconds <- as.numeric(Sys.time()) - begin
  if (length(fit$lambda) < length(lambdas)) stop("glmnet left out lambdas")
  # The classes' coefficients are a list.
  beta <- if (is.list(fit$beta)) do.call(rbind, fit$beta) else fit$beta
  write(beta@x, "x")
  write(beta@i, "i")
  write(beta@p, "p")
  write(beta@Dim, "shape")
  cat("ok", format(seconds, digits = 9), "\n")
}

cross_validate <- function(alpha, thresh, type, folds) {
  lambdas <- read("lambdas")
  blocks <- rep(seq_len(folds), each = ceiling(n / folds))[seq_len(n)]
  begin <- as.numeric(Sys.time())
  fit <- cv.glmnet(X, scaled, alpha = alpha, lambda = lambdas, standardize = FALSE, thresh = thresh, maxit = 1e9,
                   type.gaussian = type, foldid = blocks)
  seconds <- as.numeric(Sys.time()) - begin
  if (length(fit$lambda) < length(lambdas)) stop("glmnet left out lambdas")
  cat("ok", format(seconds, digits = 9), "\n")
}

input <- file("stdin", "r")
repeat {
  line <- readLines(input, n = 1)
  if (length(line) == 0) break
  command <- strsplit(line, " ")[[1]]
  if (command[1] == "ready") {
    cat("ok\n")
  } else if (command[1] == "cv") {
    tryCatch(cross_validate(as.numeric(command[2]), as.numeric(command[3]), command[4], as.integer(command[5])),
             error = function(e) cat("error", gsub("\n", " ", conditionMessage(e)), "\n"))
  } else {
    tryCatch(answer(command[2], as.numeric(command[3]), as.numeric(command[4]), command[5]),
             error = function(e) cat("error", gsub("\n", " ", conditionMessage(e)), "\n"))
  }
}
