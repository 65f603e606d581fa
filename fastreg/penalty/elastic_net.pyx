"""The elastic-net penalty with bounds; its formulas are inline functions, see ``elastic_net.pxd``."""
