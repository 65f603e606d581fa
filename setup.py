"""Build of the compiled kernels; everything else is declared in pyproject.toml."""

import os
import sys
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Set globally: directives at the head of a .pyx do not reach inline bodies of a .pxd.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "freethreading_compatible": True,
}
if os.environ.get("FASTREG_DEBUG"):
    DIRECTIVES |= {"boundscheck": True, "initializedcheck": True, "wraparound": False}
# Cython's own code for memory views, once for all kernels: in each of them it would be most of what is compiled.
SHARED = "fastreg.runtime.cython_shared"


class BuildKernels(build_ext):
    """Compile with OpenMP where the compiler knows it, and without where it does not; on all cores."""

    def finalize_options(self):
        super().finalize_options()
        # Here, since an editable installation forgets the options of the command.
        self.parallel = self.parallel or os.cpu_count() or 1

    def build_extensions(self):
        windows = self.compiler.compiler_type == "msvc"
        # Nobody reads the flags of exceptions, and to keep them right GCC would leave every loop with a choice in it
        # to single numbers: 31 instead of 8 ns for a row of the logistic loss by AVX2.
        optimize = ["/O2"] if windows else ["-O3", "-fno-trapping-math"]
        if not windows and not os.environ.get("FASTREG_DEBUG"):
            optimize += ["-g0"]  # Python's own flags ask for debugging symbols: a quarter of the time, most bytes
        openmp = self._openmp_flags(windows)
        for extension in self.extensions:
            extension.extra_compile_args = optimize + openmp
            extension.extra_link_args = [] if windows else openmp
        super().build_extensions()

    def _openmp_flags(self, windows):
        flags = ["/openmp"] if windows else ["-fopenmp"]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=flags)
                link = [] if windows else flags
                self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=link)
            except Exception as error:  # any compiler failure means the same: no OpenMP here
                print(f"fastreg: building without OpenMP ({error})", file=sys.stderr)
                return []
        return flags


if __name__ == "__main__":  # translation's processes may import this file
    kernels = sorted(Path("fastreg").rglob("*.pyx"))
    extensions = [Extension(".".join(path.with_suffix("").parts), [str(path)]) for path in kernels]
    extensions.append(Extension(SHARED, [SHARED.replace(".", "/") + ".c"]))
    setup(
        ext_modules=cythonize(
            extensions,
            compiler_directives=DIRECTIVES,
            shared_utility_qualified_name=SHARED,
            nthreads=os.cpu_count() or 1,
        ),
        cmdclass={"build_ext": BuildKernels},
    )
