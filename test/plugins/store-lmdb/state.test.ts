import { stateContract } from '../../contracts/state.js'
import { lmdbState } from './backend.js'

stateContract(lmdbState)
